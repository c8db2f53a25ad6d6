#pragma once
// decode_jpeg: decodes a JPEG in memory to 8-bit pixels, gray or RGB.
//
//     R = Y + 1.402 (Cr - 128), B = Y + 1.772 (Cb - 128), G = Y - 0.34414 (Cb - 128) - 0.71414 (Cr - 128)  (JFIF)
//     CMYK and YCCK, as Adobe stores them inverted: R = C K / 255, G = M K / 255, B = Y K / 255, as PIL
//     gray of YCbCr is Y; of RGB and CMYK it is that of decode_png
//
// What the check understood is written as an ordinary JPEG (detail/normal_jpeg.hpp), which stb_image decodes to
// planes: it sees no segment and no coded data that were not checked. Planes become pixels as in libjpeg
// (detail/jpeg_planes.hpp); only the inverse DCT rounds in another way, by 1, which gives colours that differ by 2 at
// most. The orientation in EXIF is one of the DecodeOptions; colour profiles are not applied.
//
// The function is `static`, like everything that calls our copy of stb: see image/stb.hpp.
//
// Errors   FormatError where the file is malformed or exceeds the limits; ArgumentError where channels is not 1 or 3,
//          or an option is invalid; std::bad_alloc
// Cost     walks through the coded data and decodes once; allocates a copy of the file, the planes and the pixels

#include <tessera/core/error.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/image/check_jpeg.hpp>
#include <tessera/image/decode_options.hpp>
#include <tessera/image/detail/jpeg_planes.hpp>
#include <tessera/image/detail/normal_jpeg.hpp>
#include <tessera/image/exif_orientation.hpp>
#include <tessera/image/orient.hpp>
#include <tessera/image/pixels.hpp>
#include <tessera/image/stb.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI::image {

namespace detail {

/// The decoder of stb_image, which owns the planes. No member calls a function of stb: see image/stb.hpp.
struct StbJpeg {
    stb::stbi__context source;
    stb::stbi__jpeg jpeg;
};
using StbJpegOwner = std::unique_ptr<StbJpeg, void (*)(StbJpeg*)>;

static inline void free_jpeg(StbJpeg* decoder) {
    stb::stbi__cleanup_jpeg(&decoder->jpeg);
    delete decoder;
}

/// Decodes a normal JPEG to planes; nothing where stb_image fails.
static inline StbJpegOwner decode_planes(ByteView file, std::string_view name) {
    if (file.size() > static_cast<std::size_t>((std::numeric_limits<int>::max)()))
        malformed(FormatCode::limit, name, 0, "image: a file of more than 2 GiB");
    StbJpegOwner decoder{new StbJpeg{}, free_jpeg};  // zeros, with which freeing is safe
    decoder->jpeg.s = &decoder->source;
    stb::stbi__start_mem(&decoder->source, file.data(), static_cast<int>(file.size()));
    stb::stbi__setup_jpeg(&decoder->jpeg);
    if (stb::stbi__decode_jpeg_image(&decoder->jpeg)) return decoder;
    if (std::string_view{stb::stbi_failure_reason()} == "outofmem") throw std::bad_alloc();  // no error of the file
    return {nullptr, free_jpeg};
}

static inline JpegPlane plane_of(const StbJpeg& decoder, std::size_t k) {
    const auto& c = decoder.jpeg.img_comp[k];
    return {c.data,
            static_cast<std::size_t>(c.w2),
            static_cast<std::size_t>(c.x),
            static_cast<std::size_t>(c.y),
            static_cast<std::size_t>(decoder.jpeg.img_h_max / c.h),
            static_cast<std::size_t>(decoder.jpeg.img_v_max / c.v)};
}

/// The pixels of a decoded file.
static inline Pixels pixels_of(const StbJpeg& decoder, const JpegFile& jpeg, std::size_t channels) {
    Pixels image{jpeg.height, jpeg.width, channels, Bytes(jpeg.height * jpeg.width * channels)};
    const std::size_t count = channels == 1 && jpeg.colors == JpegColors::ycbcr ? 1 : jpeg.components.size();
    std::array<JpegPlane, 4> planes;
    std::array<Bytes, 4> wide;
    std::array<const unsigned char*, 4> rows{};
    for (std::size_t k = 0; k < count; ++k) {
        planes[k] = plane_of(decoder, k);
        wide[k].resize(planes[k].width * planes[k].across);
    }
    for (std::size_t y = 0; y < image.height; ++y) {
        for (std::size_t k = 0; k < count; ++k) {
            const bool same = planes[k].across == 1 && planes[k].down == 1;
            if (!same) planes[k].upsample(y, wide[k].data());
            rows[k] = same ? planes[k].row(y) : wide[k].data();
        }
        convert_row(jpeg.colors, rows, image.width, channels, image.values.data() + y * image.width * channels);
    }
    return image;
}

}  // namespace detail

/// Decodes the file called `name` to 1 (gray) or 3 (RGB) channels.
[[nodiscard]] static inline Pixels decode_jpeg(ByteView file, std::size_t channels, std::string_view name,
                                               const ReadLimits& limits = {}, const DecodeOptions& options = {}) {
    check_decode_options(options);
    check_channels(channels);
    const detail::JpegFile jpeg = detail::read_jpeg(file, name, limits);
    detail::StbJpegOwner decoder = detail::decode_planes(detail::NormalJpeg{file, jpeg}.write(), name);
    if (!decoder) malformed(FormatCode::image, name, 0, std::string{"image: "} + stb::stbi_failure_reason());
    Pixels image = detail::pixels_of(*decoder, jpeg, channels);
    decoder.reset();
    return orient(std::move(image), options.exif_orientation ? exif_orientation(jpeg.exif) : 1);
}

}  // namespace tessera::image
