#pragma once
// adamw_update: one step of Adam (Kingma, Ba 2014, arXiv:1412.6980) with decoupled weight decay (Loshchilov, Hutter
// 2017, arXiv:1711.05101), in one pass over parameter, gradient and both moments.
//
//     g = grad + l2 p                                 Adam's weight decay; 0 for AdamW
//     m = m + (1 - b1) (g - m),   v = b2 v + (1 - b2) g^2
//     p = keep p - step m / (sqrt(v) root + eps)      keep = 1 - lr decay, step = lr / (1 - b1^t),
//                                                     root = 1 / sqrt(1 - b2^t)
//
// The square root and the division are those of IEEE 754, not estimates.
//
// Shapes   grad, p, m, v: arrays of one length
// Cost     one pass: reads four arrays and writes three; a square root and a division for each element

#include <tessera/kernel/simd/simd.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

/// The factors of the formulas above, computed in double once per step.
template <std::floating_point T>
struct AdamFactors {
    T one_minus_beta1, beta2, one_minus_beta2, step, root, eps, keep, l2;
};

namespace detail {
template <class T>
struct AdamVectors {
    using V = simd::Vec<T>;
    explicit AdamVectors(const AdamFactors<T>& f)
        : w1(f.one_minus_beta1), b2(f.beta2), w2(f.one_minus_beta2), step(f.step), root(f.root), eps(f.eps),
          keep(f.keep), l2(f.l2) {}  // not V{x}: that is xsimd's list of all elements

    void operator()(V& p, const V& grad, V& m, V& v) const {
        const V g = simd::fma<T>(l2, p, grad);
        m = simd::fma<T>(w1, g - m, m);
        v = simd::fma<T>(w2 * g, g, b2 * v);
        const V denominator = simd::fma<T>(simd::sqrt(v), root, eps);
        p = simd::fnma<T>(step, simd::divide(m, denominator), keep * p);
    }
    V w1, b2, w2, step, root, eps, keep, l2;
};
}  // namespace detail

/// Updates p, m and v in place.
template <std::floating_point T>
void adamw_update(const AdamFactors<T>& factors, std::span<const T> grad, std::span<T> p, std::span<T> m,
                  std::span<T> v) {
    constexpr std::size_t W = simd::width<T>;
    const detail::AdamVectors<T> update{factors};
    const auto in = [](const std::span<T>& s, std::size_t i) {
        return simd::load(static_cast<const T*>(s.data()) + i);
    };
    std::size_t i = 0;
    for (; i + W <= p.size(); i += W) {
        auto pi = in(p, i), mi = in(m, i), vi = in(v, i);
        update(pi, simd::load(grad.data() + i), mi, vi);
        simd::store(p.data() + i, pi);
        simd::store(m.data() + i, mi);
        simd::store(v.data() + i, vi);
    }
    if (const std::size_t rest = p.size() - i; rest > 0) {
        auto pi = simd::load_part<T>(p.data() + i, rest), mi = simd::load_part<T>(m.data() + i, rest);
        auto vi = simd::load_part<T>(v.data() + i, rest);
        update(pi, simd::load_part(grad.data() + i, rest), mi, vi);
        simd::store_part(p.data() + i, pi, rest);
        simd::store_part(m.data() + i, mi, rest);
        simd::store_part(v.data() + i, vi, rest);
    }
}

}  // namespace tessera::kernel
