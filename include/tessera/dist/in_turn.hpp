#pragma once
// in_turn(communicator, message, set, f): runs f() on rank 0, then on rank 1 with the `set` of rank 0, and so on.
//
//     rank 0: f()  ->  rank 1: f()  ->  ...  ->  rank size - 1: f()  ->  all
//
// f adds this process's part to `set`, and the last process broadcasts the result. It is for sums that one process
// would make in the order of the samples, such as the statistics of a quantizer: they have the bits of one process that
// sees the samples of rank 0, then those of rank 1, and so on. The value of `set` before the call matters on rank 0
// only.
//
// Cost     size - 1 messages and size calls of f, one after another, and a broadcast: for sums that are a small part of
//          a step. Gradients are summed by sum_tree, in which all processes work at the same time.

#include <tessera/dist/communicator.hpp>
#include <tessera/dist/message.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::dist {

template <Communicator C, Summable S, std::invocable F>
void in_turn([[maybe_unused]] C& communicator, [[maybe_unused]] Message& message, S&& set, F&& f) {
    if constexpr (single_process<C>) {
        f();
    } else {
        const std::size_t rank = communicator.rank(), last = communicator.size() - 1;
        if (rank > 0) {
            message.fit(set);
            communicator.receive(message.bytes(), rank - 1);
            message.unpack(set);
        }
        f();
        if (last == 0) return;
        message.pack(set);
        if (rank < last) communicator.send(message.bytes(), rank + 1);
        communicator.broadcast(message.bytes(), last);
        if (rank < last) message.unpack(set);
    }
}

}  // namespace tessera::dist
