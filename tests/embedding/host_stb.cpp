// A host with its own stb, with all formats and with external linkage, in the same program as the library's copy.
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

// After these includes: a test of the host.
#include <doctest/doctest.h>

TEST_CASE("Host: its own stb reads what the library's copy refuses") {
    // PNM, which the library's copy does not know
    const unsigned char pgm[] = {'P', '5', ' ', '2', ' ', '1', ' ', '2', '5', '5', '\n', 7, 9};
    int width = 0, height = 0, channels = 0;
    unsigned char* pixels = stbi_load_from_memory(pgm, sizeof pgm, &width, &height, &channels, 1);
    REQUIRE(pixels != nullptr);
    CHECK(width == 2);
    CHECK(pixels[1] == 9);
    stbi_image_free(pixels);
}
