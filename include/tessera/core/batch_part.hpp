#pragma once
// BatchPart: the samples of one call, as a part of the batch that makes one update of the weights.
//
//     index in the batch of local sample n = first + n
//     mean over the update                 = sum / divisor, added over all processes and accumulated batches
//
// Several processes may share a batch (dist/communicator.hpp), and several batches may be accumulated before an update.
// The random numbers that a sample draws, and the divisor of a mean, must not depend on how the work was divided.

#include <tessera/core/abi.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

struct BatchPart {
    std::size_t first = 0;    ///< index in the batch of the first local sample; nonzero in processes after the first
    std::size_t samples = 0;  ///< size of the batch over all processes
    std::size_t divisor = 0;  ///< divisor of means: the size of the first batch of an accumulation
    std::size_t micro_batch = 0;    ///< index of this batch in the accumulation
    std::size_t micro_batches = 1;  ///< number of accumulated batches

    /// The whole batch: one process, no accumulation.
    static constexpr BatchPart whole(std::size_t samples) noexcept {
        return {.first = 0, .samples = samples, .divisor = samples, .micro_batch = 0, .micro_batches = 1};
    }
};

}  // namespace tessera
