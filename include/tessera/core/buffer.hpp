#pragma once
// Buffer: a std::vector<T> whose memory is aligned to 64 bytes, zero-initialised and copied by value.
//
// Parameters, activations and packed weights are Buffers. An aligned load of a whole vector never crosses a cache line,
// and every class that holds a Buffer follows the rule of zero.
//
// Errors   std::bad_array_new_length where the size in bytes does not fit std::size_t, std::bad_alloc
// Cost     one allocation

#include <tessera/core/abi.hpp>

#include <cstddef>
#include <new>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <class T>
struct CacheLineAllocator {
    using value_type = T;
    static constexpr std::align_val_t line{64};

    CacheLineAllocator() = default;
    template <class U>
    constexpr CacheLineAllocator(const CacheLineAllocator<U>&) noexcept {}

    T* allocate(std::size_t n) {
        if (n > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
        return static_cast<T*>(::operator new(n * sizeof(T), line));
    }
    void deallocate(T* p, std::size_t) noexcept { ::operator delete(p, line); }
    friend constexpr bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

template <class T>
using Buffer = std::vector<T, CacheLineAllocator<T>>;

}  // namespace tessera
