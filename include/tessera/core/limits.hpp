#pragma once
// Limits: how much a file may ask for. What exceeds one is a FormatError, before memory is allocated for it.
// A program that knows better passes its own: `load_mnist(folder, {.inflated = std::uint64_t{4} << 30})`.

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

struct Limits {
    std::uint64_t file = std::uint64_t{1} << 30;      // bytes of a data file that is read whole
    std::uint64_t inflated = std::uint64_t{1} << 30;  // bytes that a compressed file may become
    std::uint64_t image_side = 16384;                 // pixels of a PNG or JPEG, at most 2^24; and 2^30 bytes decoded
    std::uint64_t image_pixels = std::uint64_t{64} << 20;
    std::uint64_t jpeg_scans = 100;  // each one costs time in proportion to the whole image

    std::uint64_t header = 100'000'000;  // bytes of a safetensors header
    std::uint64_t tensors = 100'000;
    std::uint64_t rank = 8;
    std::uint64_t name = 1024;  // bytes of a tensor's name
};

}  // namespace tessera
