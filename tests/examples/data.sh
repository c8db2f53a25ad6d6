# Sourced by the tests of the program: small IDX files, made with printf.

be32() { for bits in 24 16 8 0; do printf "\\$(printf %03o $(($1 >> bits & 255)))"; done; }

# idx_images <count> <file>: pixels are bytes of a picture, so no two images are equal
idx_images() {
    {
        printf '\000\000\010\003'
        be32 "$1"
        be32 28
        be32 28
        head -c $(($1 * 784)) "$bundled/digits-train.png"
    } >"$2"
}
# idx_labels <count> <file>: 0, 1, ..., 7, 0, 1, ...
idx_labels() {
    {
        printf '\000\000\010\001'
        be32 "$1"
        n=0
        while [ $n -lt "$1" ]; do
            printf "\\00$((n % 8))"
            n=$((n + 1))
        done
    } >"$2"
}
# idx_set <folder>: 40 images to learn from, 10 to test with
idx_set() {
    mkdir -p "$1"
    idx_images 40 "$1/train-images-idx3-ubyte"
    idx_labels 40 "$1/train-labels-idx1-ubyte"
    idx_images 10 "$1/t10k-images-idx3-ubyte"
    idx_labels 10 "$1/t10k-labels-idx1-ubyte"
}
# mask <name> <file>: a PNG of 28 x 28 pixels, bright in every second square of 4 x 4 (squares), in the last 8 rows
# (bottom), in the lower half (lower), nowhere (black), in every second pixel (dots)
mask() {
    case $1 in
    squares) tail='AIElEQVR42mNgAIL/QICNZqCRJC4JME0jyVF/jvqTQkkAxa5+kFazOSwAAAAASUVORK5CYII=' ;;
    bottom) tail='AFElEQVR42mNgGAWjgELwHw8YRpIAI5ffIYbXfxsAAAAASUVORK5CYII=' ;;
    lower) tail='AFUlEQVR42mNgGAWDEPzHA0YlB0gSALZvhojskiWlAAAAAElFTkSuQmCC' ;;
    black) tail='AEElEQVR42mNgGAWjYBQQAwADLAAB1wvpfAAAAABJRU5ErkJggg==' ;;
    dots) tail='AFUlEQVR42mNg+E8mZBjVOapzROkEAGnBhoiv8Ly1AAAAAElFTkSuQmCC' ;;
    esac
    echo "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAA$tail" | base64 -d >"$2"
}
