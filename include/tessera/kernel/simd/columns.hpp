#pragma once
// for_columns: a loop over the columns of a row-major matrix (channels of an image, width of a token).
//
//     for_columns<T>(n, [&](auto zero, std::size_t c) {       // zero: a Vec<T> or a T, all zero
//         using N = decltype(zero);
//         N total = zero;
//         for (std::size_t r = 0; r < rows; ++r) total = total + simd::load_columns<N>(x + r * n + c);
//         simd::store_columns(sums + c, total);
//     });
//
// One SIMD lane is one column; the last columns run through the same code one element at a time. Sums down a column are
// sequential, so the bits do not depend on the width of a register.

#include <tessera/kernel/simd/simd.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::kernel {

namespace simd {
/// One V, a vector or a single element, of the columns from p on.
template <class V, std::floating_point T>
inline V load_columns(const T* p) {
    if constexpr (std::same_as<V, T>)
        return *p;
    else
        return simd::load(p);
}
template <std::floating_point T>
inline void store_columns(T* p, const Vec<T>& v) {
    simd::store(p, v);
}
template <std::floating_point T>
inline void store_columns(T* p, std::type_identity_t<T> v) {
    *p = v;
}
/// a > b ? yes : no, lane by lane; false where one is NaN.
template <std::floating_point T>
inline T where_greater(T a, T b, T yes, T no) {
    return a > b ? yes : no;
}
template <class T>
inline Vec<T> where_greater(const Vec<T>& a, const Vec<T>& b, const Vec<T>& yes, const Vec<T>& no) {
    return simd::select(a > b, yes, no);
}
template <std::floating_point T>
inline T where_equal(T a, T b, T yes, T no) {
    return a == b ? yes : no;
}
template <class T>
inline Vec<T> where_equal(const Vec<T>& a, const Vec<T>& b, const Vec<T>& yes, const Vec<T>& no) {
    return simd::select(a == b, yes, no);
}
}  // namespace simd

/// f(zero, c) for the vectors of columns c .. c + W - 1, then for each column that is left.
template <std::floating_point T, class F>
inline void for_columns(std::size_t n, F f) {
    const std::size_t whole = n - n % simd::width<T>;
    for (std::size_t c = 0; c < whole; c += simd::width<T>) f(simd::Vec<T>(T(0)), c);
    for (std::size_t c = whole; c < n; ++c) f(T(0), c);
}

}  // namespace tessera::kernel
