#pragma once
// Reads and writes pictures with the library.
#include <tessera/data/image.hpp>

#include "picture.hpp"

static void use_ours() {
    using namespace tessera;
    image::Pixels image{64, 48, 3, {}};
    for (std::size_t i = 0; i < 64 * 48 * 3; ++i) image.values.push_back(static_cast<unsigned char>(i * 31));
    const Bytes file = image::encode_png(image);
    expect(image::decode_image(file, 3, "own.png").values == image.values, "a PNG that was written is read");
    try {
        static_cast<void>(image::decode_image(Bytes(file.begin(), file.begin() + 400), 3, "half.png"));
        expect(false, "half a PNG is refused");
    } catch (const FormatError& error) {
        expect(std::string{error.what()}.find("half.png") != std::string::npos, "a refusal names the file");
    }
    try {
        static_cast<void>(image::decode_image(Bytes(pgm, pgm + sizeof pgm), 1, "a.pgm"));
        expect(false, "the library's copy keeps to PNG and JPEG");
    } catch (const FormatError&) {
    }
}
