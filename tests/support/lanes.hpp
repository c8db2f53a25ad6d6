#pragma once
// One number through a function of vectors.

#include <tessera/kernel/simd/simd.hpp>

#include <array>

namespace support {

/// f(x) where every lane holds x: the last lane's result.
template <class T, class F>
T in_lanes(T x, F f) {
    namespace simd = tessera::kernel::simd;
    std::array<T, simd::width<T>> y;
    simd::store(y.data(), f(simd::Vec<T>(x)));
    return y.back();
}

}  // namespace support
