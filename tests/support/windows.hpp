#pragma once
// Sizes of convolutions, with the size of the small map worked out.

#include <tessera/kernel/conv/patch_plan.hpp>

#include <cstddef>

namespace support {

/// A window of size x size over a map of height x width.
inline tessera::kernel::PatchSize sized(std::size_t height, std::size_t width, std::size_t size, std::size_t stride,
                                        std::size_t pad) {
    return {height, width, (height + 2 * pad - size) / stride + 1, (width + 2 * pad - size) / stride + 1, size,
            stride, pad};
}

}  // namespace support
