#pragma once
// BatchPart: which samples a call is given, of those that one update of the weights is made of.
//
// A batch may be shared by several processes (dist/communicator.hpp), and several batches may be accumulated before an
// update. What a sample draws, and what means are divided by, must not depend on how the work was cut:
//
//     index in the batch of sample n here = first + n
//     mean over the update                = sum / divisor, summed over processes and accumulated batches

#include <tessera/core/abi.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

struct BatchPart {
    std::size_t first = 0;    ///< index in the batch of the first sample here; not 0 in later processes
    std::size_t samples = 0;  ///< of the batch, in all processes together
    std::size_t divisor = 0;  ///< samples that means are divided by; of the first batch of an accumulation
    std::size_t part = 0;     ///< which batch of an accumulation this is
    std::size_t parts = 1;    ///< how many are accumulated

    /// A batch that is whole: one process, no accumulation.
    static constexpr BatchPart whole(std::size_t samples) noexcept {
        return {.first = 0, .samples = samples, .divisor = samples, .part = 0, .parts = 1};
    }
};

}  // namespace tessera
