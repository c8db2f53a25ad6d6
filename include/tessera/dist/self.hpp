#pragma once
// Self: the communicator of a single process, and the default everywhere.
//
// It is empty and its size is a constant: sums, broadcasts and gathers over it compile to nothing, so a program on one
// machine pays nothing for the seam.
//
// Errors   ArgumentError where a rank other than 0 is given, and for send and receive, which have no other process

#include <tessera/dist/communicator.hpp>
#include <tessera/dist/detail/peer.hpp>

#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::dist {

struct Self {
    static constexpr std::size_t rank() { return 0; }
    static constexpr std::size_t size() { return 1; }

    /// ArgumentError: there is no other process.
    static void send(std::span<const std::byte>, std::size_t to) { detail::check_other("dist::Self: send", to, 0, 1); }
    static void receive(std::span<std::byte>, std::size_t from) {
        detail::check_other("dist::Self: receive", from, 0, 1);
    }
    static void broadcast(std::span<std::byte>, std::size_t root) {
        detail::check_root("dist::Self: broadcast", root, 1);
    }
};

}  // namespace tessera::dist
