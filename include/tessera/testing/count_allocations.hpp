#pragma once
// count_allocations: replaces operator new of the whole program, and counts its calls for testing::allocations().
//
// Include it in exactly one .cpp of a test program; the others include testing/allocations.hpp. Replacements must not
// be inline ([replacement.functions]), so a second .cpp that includes it is a link error, and so is a program that
// replaces operator new elsewhere. Memory that is allocated with malloc, without operator new, is not counted.
//
// Errors   std::bad_alloc where there is no memory, as operator new does; new_handler is not called
// Cost     one atomic increment for each allocation

#include <tessera/core/abi.hpp>
#include <tessera/testing/allocations.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace tessera::inline TESSERA_ABI::testing {

namespace detail {

inline std::atomic<std::size_t> allocations_so_far{0};

inline void* counted_new(std::size_t size, std::size_t alignment) {
    allocations_so_far.fetch_add(1, std::memory_order_relaxed);
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;  // required by aligned_alloc
    void* p = (std::aligned_alloc)(alignment, rounded == 0 ? alignment : rounded);
    if (!p) throw std::bad_alloc{};
    return p;
}

}  // namespace detail

std::size_t allocations() noexcept { return detail::allocations_so_far.load(std::memory_order_relaxed); }

}  // namespace tessera::testing

// All forms: a sanitizer's own would return memory that the free() below must not get, and std::stable_sort allocates
// with the one that does not throw.
void* operator new(std::size_t size) { return tessera::testing::detail::counted_new(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, std::align_val_t a) {
    return tessera::testing::detail::counted_new(size, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t size, std::align_val_t a) { return operator new(size, a); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void* operator new[](std::size_t size, const std::nothrow_t& none) noexcept { return operator new(size, none); }
void* operator new(std::size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
    try {
        return operator new(size, a);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void* operator new[](std::size_t size, std::align_val_t a, const std::nothrow_t& none) noexcept {
    return operator new(size, a, none);
}
void operator delete(void* p) noexcept { (std::free)(p); }
void operator delete[](void* p) noexcept { (std::free)(p); }
void operator delete(void* p, std::size_t) noexcept { (std::free)(p); }
void operator delete[](void* p, std::size_t) noexcept { (std::free)(p); }
void operator delete(void* p, std::align_val_t) noexcept { (std::free)(p); }
void operator delete[](void* p, std::align_val_t) noexcept { (std::free)(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { (std::free)(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { (std::free)(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { (std::free)(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { (std::free)(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { (std::free)(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { (std::free)(p); }
