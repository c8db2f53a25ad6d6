// Reads a picture with the host's stb, which may be declared or defined before.
#include "picture.hpp"

static void use_theirs() {
    int width = 0, height = 0, channels = 0;
    unsigned char* pixels = stbi_load_from_memory(pgm, sizeof pgm, &width, &height, &channels, 1);
    expect(pixels && width == 2 && height == 1 && pixels[0] == 7 && pixels[1] == 9, "the host's stb is the full one");
    stbi_image_free(pixels);
    int length = 0;
    stbi_write_png_to_func([](void* to, void*, int size) { *static_cast<int*>(to) += size; }, &length, 3, 1, 1, pgm, 3);
    expect(length > 8, "the host's stb writes");
}
