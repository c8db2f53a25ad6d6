// 1. Shapes, views, tensors: the words in which everything else is said.
//
// The shape of one sample is a type. The batch, how many samples there are, is the one number that is known
// only when the program runs. So a layer that gets a wrong shape does not compile, and a batch of any size
// goes through the same code.

#include <tessera/core/shape.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/view.hpp>

#include <cstdio>

namespace ts = tessera;

// An image is height, width, channels. The channels of a pixel stand side by side in memory.
using Image = ts::Shape<28, 28, 3>;
static_assert(Image::size == 2352);
static_assert(Image::dims[0] == 28);
static_assert(ts::last_dim<Image> == 3);     // channels
static_assert(ts::row_count<Image> == 784);  // pixels: every activation is a matrix of rows x last_dim

// A function that takes a View takes any batch of that shape, wherever it lives. It copies nothing: a View is
// a pointer and a number. `const` stands on the element, as in std::span.
float brightness(ts::View<const float, Image> images, std::size_t n) {
    float sum = 0;
    for (const float value : images[n]) sum += value;  // images[n] is a std::span<const float, 2352>
    return sum / float(Image::size);
}

int main() {
    // A Tensor owns its batch: aligned memory on the heap, zero at first.
    ts::Tensor<float, Image> images{4};
    for (std::size_t n = 0; n < images.batch(); ++n)
        for (float& value : images[n]) value = 0.25f * float(n);

    std::printf("a batch of %zu images of %s: %zu numbers\n", images.batch(), to_string(Image{}).c_str(),
                images.span().size());
    for (std::size_t n = 0; n < images.batch(); ++n)
        std::printf("brightness of image %zu: %.2f\n", n, brightness(images, n));

    // Part of a batch is a View again. The library cuts batches like this, to run the blocks on several
    // threads.
    const auto last_two = images.view().slice(2, 2);
    std::printf("the last two are %.2f and %.2f\n", brightness(last_two, 0), brightness(last_two, 1));

    // A tensor never gives memory back when it shrinks: the next batch of the old size costs no allocation.
    const float* before = images.data();
    images.resize(1);
    images.resize(4);
    std::printf("resized twice, %s memory\n", images.data() == before ? "the same" : "other");

    // What does not fit does not compile. Take the comment away and read the message:
    //     ts::Tensor<float, ts::Shape<28, 28, 1>> gray{4};
    //     brightness(gray, 0);
    return images.data() == before ? 0 : 1;
}
