#pragma once
// share(communicator, groups): the groups of a batch that this process computes.
//
//     width = the smallest power of two that is at least groups / size
//     rank r has the groups [r width, (r + 1) width), as far as they exist
//
// nn::Grouped adds the gradients of groups in a binary tree by stride doubling. Consecutive shares whose size is a
// power of two are whole subtrees of it, and sum_tree adds the rest of the tree, so any number of processes has the
// bits of one. The price: where the number of groups is not a power of two times the number of processes, some have
// less work, and the last ones may have none (12 groups on 4 processes: 4, 4, 4, 0). A process without groups still
// takes part in every sum.

#include <tessera/core/batch_share.hpp>
#include <tessera/dist/communicator.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::dist {

struct Share {
    std::size_t first = 0;
    std::size_t count = 0;
};

template <Communicator C>
constexpr Share share(const C& communicator, std::size_t groups) {
    const BatchShare samples = batch_share(groups * group_size, communicator.rank(), communicator.size());
    return {samples.first / group_size, samples.count / group_size};
}

}  // namespace tessera::dist
