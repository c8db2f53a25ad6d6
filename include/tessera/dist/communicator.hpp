#pragma once
// Communicator: which of several processes this one is, and how bytes get from one to another.
//
//     rank(), size()           this is process `rank` of `size`, counted from 0
//     send(bytes, to)          to one other process; returns when `bytes` may be used again
//     receive(bytes, from)     blocks until the message is there, and fills `bytes`
//     broadcast(bytes, root)   every process ends with the bytes of `root`
//
// A model of this concept promises that messages between two processes arrive in the order in which they
// were sent. A caller promises that both sides name the same number of bytes, that every process makes the
// same calls in the same order (a message has no tag), that one thread at a time uses a communicator, and
// that `to` and `from` are other processes. send may block until the other side receives: two processes
// that both send first never return.
//
// Nothing else is required, least of all a sum. MPI_Allreduce adds in an order that depends on the number
// of processes, on the length of the message and on the algorithm that an MPI chose, so the same run on
// another cluster ends with other weights. Sums are code of this library instead (sum_tree, in_turn): their
// order is in the source, and N processes have the bits of one.
//
// Bytes travel as they are in memory: all processes run the same program, on machines of one byte order.
//
// A process that throws sends nothing more, and the others wait for it. What all processes can see (a sum
// that is not finite) must therefore be judged after it was summed, so that all of them throw or none does.
// What only one of them sees (a file that cannot be read, no memory) has to end the job: see
// dist::Mpi::run.

#include <tessera/core/abi.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::dist {

/// Not weaker: with point-to-point messages alone a broadcast to 64 processes would be a loop over them,
/// where the network has something better. Not stronger: what it leaves out would decide the order of a
/// sum.
template <class C>
concept Communicator = requires(C& communicator, const C& which, std::span<const std::byte> out,
                                std::span<std::byte> in, std::size_t rank) {
    { which.rank() } -> std::same_as<std::size_t>;
    { which.size() } -> std::same_as<std::size_t>;
    communicator.send(out, rank);
    communicator.receive(in, rank);
    communicator.broadcast(in, rank);
};

/// Known at compile time to be alone: what is sent between processes is then not even compiled.
template <class C>
inline constexpr bool single_process = requires {
    requires C::size()
    == 1;
};

}  // namespace tessera::dist
