#pragma once
// swiglu_forward, swiglu_with_derivatives: the gate of a gated MLP (Shazeer 2020, arXiv:2002.05202).
//
//     y = silu(gate) up,   silu(a) = a s,   s = sigmoid(a)
//     dy/dgate = up s (1 + gate (1 - s)),   dy/dup = silu(gate)
//
// Shapes   all arrays of one call have the same length; y may be gate or up
// Cost     one pass over the arrays and one exponential per element

#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/simd/vector_math.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
template <class T>
struct SwiGlu {
    simd::Vec<T> y, dgate, dup;
};
template <class T>
inline SwiGlu<T> swiglu(const simd::Vec<T>& gate, const simd::Vec<T>& up) {
    using V = simd::Vec<T>;
    const V one(T(1)), s = simd::sigmoid<T>(gate), silu = gate * s;
    return {silu * up, up * s * simd::fma<T>(gate, one - s, one), silu};
}
}  // namespace detail

template <std::floating_point T>
void swiglu_forward(std::span<const T> gate, std::span<const T> up, std::span<T> y) {
    simd::map(
        y.size(), y.data(), [](const auto& a, const auto& b) { return detail::swiglu<T>(a, b).y; }, gate.data(),
        up.data());
}
/// y, and dy/dgate in place of gate and dy/dup in place of up, for a layer that caches the derivatives.
template <std::floating_point T>
void swiglu_with_derivatives(std::span<T> gate, std::span<T> up, std::span<T> y) {
    constexpr std::size_t W = simd::width<T>;
    const std::size_t n = y.size();
    std::size_t i = 0;
    for (; i + W <= n; i += W) {
        const auto g = detail::swiglu<T>(simd::load<T>(gate.data() + i), simd::load<T>(up.data() + i));
        simd::store(y.data() + i, g.y);
        simd::store(gate.data() + i, g.dgate);
        simd::store(up.data() + i, g.dup);
    }
    if (i < n) {
        const auto g =
            detail::swiglu<T>(simd::load_part<T>(gate.data() + i, n - i), simd::load_part<T>(up.data() + i, n - i));
        simd::store_part(y.data() + i, g.y, n - i);
        simd::store_part(gate.data() + i, g.dgate, n - i);
        simd::store_part(up.data() + i, g.dup, n - i);
    }
}

}  // namespace tessera::kernel
