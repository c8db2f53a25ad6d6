// F5: any bytes as a PNG or JPEG, decoded to one and to three channels. If the first byte is odd, the checksums of PNG
// chunks are corrected, so that their content is reached; its other bits choose the options.

#include "target.hpp"

#include <tessera/files/crc32.hpp>
#include <tessera/image/decode_image.hpp>

#include <array>

void fuzz::one(tessera::ByteView input) {
    using namespace tessera;
    if (input.empty()) return;
    Bytes bytes(input.begin() + 1, input.end());
    if (input[0] % 2 == 1 && image::is_png(bytes))
        for (std::size_t at = 8; at + 12 <= bytes.size();) {
            const std::size_t length = big_endian_32(bytes, at);
            if (length > bytes.size() - at - 12) break;
            const std::uint32_t sum = crc32(ByteView{bytes}.subspan(at + 4, length + 4));
            for (std::size_t i = 0; i < 4; ++i)
                bytes[at + 8 + length + i] = static_cast<unsigned char>(sum >> (24 - 8 * i));
            at += length + 12;
        }
    image::DecodeOptions options;
    options.exif_orientation = (input[0] & 2) == 0;
    if ((input[0] & 4) != 0) options.background.reset();
    options.significant_bits = (input[0] & 8) == 0 ? 16u : (input[0] & 64) == 0 ? 0u : 11u;
    for (const std::size_t channels : {1u, 3u}) {
        try {
            const image::Pixels pixels =
                image::decode_image(bytes, channels, "input", {.image_side = 512, .image_pixels = 1 << 16}, options);
            demand(pixels.values.size() == pixels.width * pixels.height * channels, "as many numbers as pixels");
            demand(image::can_decode(image::file_type(bytes)), "a type that can be decoded");
        } catch (const FormatError&) {
        }
    }
}
