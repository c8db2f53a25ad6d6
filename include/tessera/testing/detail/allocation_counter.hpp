#pragma once
// Checks the counter of allocations that a program gives to a checker, before it is believed.

#include <tessera/core/buffer.hpp>

#include <cstddef>
#include <new>
#include <string>

namespace tessera::inline TESSERA_ABI::testing::detail {

/// "" where the counter sees both forms of operator new that the library calls: the plain one and, for its buffers, the
/// one with an alignment.
inline std::string check_allocation_counter(std::size_t (*allocations)()) {
    [[maybe_unused]] static void* volatile seen = nullptr;  // without it a compiler may leave out the allocations
    const auto misses = [&](const char* which) {
        return "allocation: the counter of this program does not see " + std::string{which} +
               ": see testing/allocations.hpp";
    };
    std::size_t before = allocations();
    void* const plain = ::operator new(sizeof(int));
    seen = plain;
    ::operator delete(plain);
    if (allocations() == before) return misses("operator new");
    before = allocations();
    Buffer<float> buffer(1);
    seen = buffer.data();
    if (allocations() == before) return misses("operator new with an alignment, which the library's buffers call");
    return "";
}

}  // namespace tessera::testing::detail
