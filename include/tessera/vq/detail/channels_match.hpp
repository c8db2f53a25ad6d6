#pragma once
// ChannelsMatch: the static_assert of quantizers without a codebook, which read one channel for each bit or level.

#include <tessera/core/abi.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::detail {

template <std::size_t Channels, std::size_t Expected>
struct ChannelsMatch {
    static_assert(Channels == Expected,
                  "quantizer: expected as many channels from the encoder as it has bits (Lfq, Bsq) or levels of one "
                  "number (Fsq, ResidualFsq)");
};

}  // namespace tessera::detail
