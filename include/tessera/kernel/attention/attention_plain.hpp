#pragma once
// attention_plain: causal attention of one head exactly as in the formulas of attention.hpp, for scalars other than
// float.
//
// Used by the gradient checks in double.
//
// Shapes   q, k, v, o, dy, dq, dk, dv [tokens, d]; p [tokens]; largest, inverse [tokens]
// Cost     as in attention.hpp, one element at a time

#include <tessera/kernel/attention/attention_tile.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel::attention::plain {

/// One query against `keys` keys: p = e^(q k / sqrt d - largest), o = p v / sum p. Returns 1 / sum p.
template <std::floating_point T>
T row(std::size_t keys, std::size_t d, const T* q, Rows<const T> k, Rows<const T> v, T* p, T* o, T& largest) {
    const T scale = T(1) / std::sqrt(static_cast<T>(d));
    for (std::size_t j = 0; j < keys; ++j) {
        T s = 0;
        for (std::size_t i = 0; i < d; ++i) s = simd::fma(k[j][i], q[i] * scale, s);
        p[j] = s;
    }
    largest = *std::max_element(p, p + keys);
    T sum = 0;
    for (std::size_t j = 0; j < keys; ++j) sum += p[j] = std::exp(p[j] - largest);
    for (std::size_t i = 0; i < d; ++i) {
        T y = 0;
        for (std::size_t j = 0; j < keys; ++j) y = simd::fma(p[j], v[j][i], y);
        o[i] = y * (1 / sum);
    }
    return 1 / sum;
}

/// dq, dk, dv of one head from the statistics of its rows.
template <std::floating_point T>
void backward(std::size_t tokens, std::size_t d, Rows<const T> q, Rows<const T> k, Rows<const T> v, Rows<const T> o,
              Rows<const T> dy, Rows<T> dq, Rows<T> dk, Rows<T> dv, const T* largest, const T* inverse) {
    const T scale = T(1) / std::sqrt(static_cast<T>(d));
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t i = 0; i < d; ++i) dq[t][i] = dk[t][i] = dv[t][i] = 0;
    for (std::size_t t = 0; t < tokens; ++t) {
        T dot = 0;
        for (std::size_t i = 0; i < d; ++i) dot = simd::fma(dy[t][i], o[t][i], dot);
        for (std::size_t j = 0; j <= t; ++j) {
            T s = 0, dp = 0;
            for (std::size_t i = 0; i < d; ++i) {
                s = simd::fma(k[j][i], q[t][i] * scale, s);
                dp = simd::fma(v[j][i], dy[t][i], dp);
            }
            const T p = std::exp(s - largest[t]) * inverse[t], slope = p * (dp - dot) * scale;
            for (std::size_t i = 0; i < d; ++i) {
                dq[t][i] = simd::fma(slope, k[j][i], dq[t][i]);
                dk[j][i] = simd::fma(slope, q[t][i], dk[j][i]);
                dv[j][i] = simd::fma(p, dy[t][i], dv[j][i]);
            }
        }
    }
}

}  // namespace tessera::kernel::attention::plain
