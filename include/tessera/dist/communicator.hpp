#pragma once
// Communicator: the rank of this process among several, and messages of bytes between them.
//
//     rank(), size()           this is process `rank` of `size`, counted from 0
//     send(bytes, to)          to one other process; returns when `bytes` may be reused
//     receive(bytes, from)     blocks until the message has arrived, and fills `bytes`
//     broadcast(bytes, root)   every process ends with the bytes of `root`
//
// A model of this concept guarantees that messages between two processes arrive in the order in which they were sent.
// The caller guarantees that both sides pass the same number of bytes, that every process makes the same calls in the
// same order (a message has no tag), that one thread at a time uses a communicator, and that `to` and `from` are other
// processes. send may block until the other side receives: two processes that both send first deadlock.
//
// A sum is deliberately not part of the concept. MPI_Allreduce adds in an order that depends on the number of
// processes, the length of the message and the algorithm that an MPI chooses, so the same run on another cluster ends
// with other weights. This library sums by itself (sum_tree, in_turn): the order is in the source, and N processes have
// the bits of one.
//
// Bytes are sent as they are in memory: all processes run the same program, on machines of one byte order.
//
// A process that throws sends nothing more, and the others wait for it. A condition that all processes can see (a sum
// that is not finite) must therefore be tested after the sum, so that all of them throw or none does. A condition that
// only one process sees (a file that cannot be read, no memory) has to end the job: see dist::Mpi::run.

#include <tessera/core/abi.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::dist {

/// broadcast is required because a loop of point-to-point messages to 64 processes would be slower than what a network
/// offers. A reduction is not, because it would decide the order of a sum.
template <class C>
concept Communicator = requires(C& communicator, const C& which, std::span<const std::byte> out,
                                std::span<std::byte> in, std::size_t rank) {
    { which.rank() } -> std::same_as<std::size_t>;
    { which.size() } -> std::same_as<std::size_t>;
    communicator.send(out, rank);
    communicator.receive(in, rank);
    communicator.broadcast(in, rank);
};

/// True where the size is 1 at compile time: communication is then not compiled.
template <class C>
inline constexpr bool single_process = requires {
    requires C::size()
    == 1;
};

}  // namespace tessera::dist
