#pragma once
// Checks of the ranks that are passed to a call.

#include <tessera/core/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::dist::detail {

[[gnu::__noreturn__]] inline void refuse_rank(std::string_view call, const std::string& expected, std::size_t got) {
    throw ArgumentError(std::string{call} + ": " + expected_got(expected, "rank " + std::to_string(got)));
}

/// `other` must be one of the `size` processes, and not this one.
inline void check_other(std::string_view call, std::size_t other, std::size_t rank, std::size_t size) {
    if (other >= size || other == rank)
        refuse_rank(call, "another rank than " + std::to_string(rank) + " of " + std::to_string(size), other);
}

/// `root` must be one of the `size` processes.
inline void check_root(std::string_view call, std::size_t root, std::size_t size) {
    if (root >= size) refuse_rank(call, "a rank less than " + std::to_string(size), root);
}

}  // namespace tessera::dist::detail
