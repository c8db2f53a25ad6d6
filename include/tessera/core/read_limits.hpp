#pragma once
// ReadLimits: the largest sizes that the readers accept from a file.
//
//     load_mnist(folder, {.inflated = std::uint64_t{4} << 30})      a program may pass larger limits
//
// The largest image has the pixels that Pillow decodes without an error, twice its Image.MAX_IMAGE_PIXELS: a photo of
// 108 megapixels is within the limits. Decoding takes 6 bytes a pixel of a JPEG in colour, 13 where it is progressive,
// and up to 11 of a PNG: 1 to 2 GB for the largest. A program with less memory passes smaller limits.
//
// Errors   the readers throw FormatError (FormatCode::limit) before they allocate memory for what exceeds a limit;
//          FormatCode::name where a name is too long

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

struct ReadLimits {
    std::uint64_t file = std::uint64_t{1} << 30;      ///< bytes of a data file that is read whole
    std::uint64_t inflated = std::uint64_t{1} << 30;  ///< bytes of a compressed file after decompression
    std::uint64_t image_side = 65'535;                ///< width and height of a PNG or JPEG; a JPEG has no more
    std::uint64_t image_pixels = 178'956'970;         ///< width x height; of a JPEG at most 2^29
    std::uint64_t jpeg_scans = 100;
    std::uint64_t jpeg_blocks = std::uint64_t{32} << 20;  ///< of 8 x 8 samples in all scans of a JPEG together

    std::uint64_t header = 100'000'000;  ///< bytes of a safetensors header
    std::uint64_t tensors = 100'000;
    std::uint64_t rank = 8;     ///< of a tensor that is read; a file may hold others
    std::uint64_t name = 1024;  ///< bytes of the name of a tensor that is read
};

}  // namespace tessera
