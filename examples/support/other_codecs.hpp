#pragma once
// other_codecs: what general formats need for the same data: PNG and JPEG for images, zlib for bytes.
//
// PNG and JPEG get all images as one picture, without gaps: alone, the header of a file is larger than a digit.

#include <tessera/data/images.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/image/decode_image.hpp>
#include <tessera/image/encode_png.hpp>
#include <tessera/image/pixels.hpp>
#include <tessera/image/stb_write.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <span>

namespace course {

namespace ts = tessera;

/// All images in one picture with about as many rows as columns; the rest of the last row is black.
template <ts::StaticShape S>
ts::image::Pixels one_picture(const ts::data::Images<S>& images) {
    constexpr std::size_t height = S::dims[0], row = S::dims[1] * S::dims[2];
    std::size_t columns = 1;
    while (columns * columns < images.size()) ++columns;
    const std::size_t rows = (images.size() + columns - 1) / columns;
    ts::image::Pixels all{rows * height, columns * S::dims[1], S::dims[2], ts::Bytes(rows * columns * S::size)};
    for (std::size_t n = 0; n < images.size(); ++n)
        for (std::size_t y = 0; y < height; ++y)
            std::ranges::copy(images.pixels(n).subspan(y * row, row),
                              all.values.data() + ((n / columns * height + y) * columns + n % columns) * row);
    return all;
}

inline double psnr_db(const ts::image::Pixels& a, const ts::image::Pixels& b) {
    double error = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        const double d = static_cast<double>(a.values[i]) - static_cast<double>(b.values[i]);
        error += d * d / static_cast<double>(a.values.size());
    }
    return 10 * std::log10(255.0 * 255.0 / error);
}

struct Jpeg {
    std::size_t bytes = 0;
    int quality = 0;
    double psnr_db = 0;
};

/// The JPEG of stb_image_write with the lowest quality whose PSNR is at least this one; quality 100 if none has it.
inline Jpeg jpeg_with_psnr(const ts::image::Pixels& picture, double psnr) {
    Jpeg jpeg;
    for (int quality = 1; quality <= 100; ++quality) {
        ts::Bytes bytes;
        const auto append = [](void* to, void* data, int size) {
            const auto* from = static_cast<const unsigned char*>(data);
            auto& all = *static_cast<ts::Bytes*>(to);
            all.insert(all.end(), from, from + size);
        };
        ts::image::stb::stbi_write_jpg_to_func(append, &bytes, static_cast<int>(picture.width),
                                               static_cast<int>(picture.height), static_cast<int>(picture.channels),
                                               picture.values.data(), quality);
        jpeg = {bytes.size(), quality, psnr_db(picture, ts::image::decode_image(bytes, picture.channels, "jpeg"))};
        if (jpeg.psnr_db >= psnr) break;
    }
    return jpeg;
}

/// Bytes of a zlib stream (DEFLATE, as gzip, with 6 bytes around it instead of 18).
inline std::size_t zlib_bytes(ts::Bytes bytes) {
    int size = 0;
    unsigned char* out = ts::image::stb::stbi_zlib_compress(bytes.data(), static_cast<int>(bytes.size()), &size, 9);
    if (!out) throw std::bad_alloc();
    std::free(out);
    return static_cast<std::size_t>(size);
}

}  // namespace course
