#pragma once
// Causal self-attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1), one sample and head at a time.
//
//     S = scale q k^T, masked to keys <= query,   P = softmax(S) by rows,   o = P v,   scale = 1 / sqrt(d)
//     dv = P^T do,   dP = do v^T,   dS = P (dP - sum_j P dP),   dq = scale dS k,   dk = scale dS^T q
//
// qkv    rows of 3 C numbers: q, k, v, each with the heads side by side (d = C / heads); read and written in place
// o      rows of C numbers
// row statistics (max, 1 / sum of exp) are kept for backward, which makes P again: there is never a T x T matrix
//
// Queries go in strips of one register tile, which see keys up to their last one: half of the square is left out.

#include <tessera/kernel/across_lanes.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/gemm.hpp>
#include <tessera/kernel/gemm_adjoint.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/vector_math.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

struct AttentionSize {
    std::size_t batch, tokens, heads, width;  ///< width = d, of one head
    std::size_t channels() const { return heads * width; }
};

template <std::floating_point T>
struct AttentionScratch {
    Panels<T> keys_t, values, values_t, keys;
    Buffer<T> p, ds;
};

namespace detail {
inline constexpr std::size_t strip = tile::max_rows;
inline constexpr std::size_t strips = 4;  // whose P and dS are held for the products that sum over queries

// Rows of scores are whole vectors long: what the tile writes behind the last key is cleared with the masked ones.
constexpr std::size_t row_length(std::size_t keys) { return (keys + tile::W - 1) / tile::W * tile::W; }

// p = e^(scale x - m) r for the first `valid` keys, zeros behind them.
template <std::floating_point T>
void probabilities(std::span<T> x, std::size_t valid, T scale, T m, T r) {
    const simd::Vec<T> s(scale), minus(-m), factor(r);
    simd::map(valid, x.data(), [&](const auto& v) { return simd::exp<T>(simd::fma<T>(v, s, minus)) * factor; },
              static_cast<const T*>(x.data()));
    std::ranges::fill(x.subspan(valid), T(0));
}
// Softmax of scores, of which the first `valid` take part; sets the statistics of the row. The same bits as probabilities
// with these statistics, for one e^x a score instead of two.
template <std::floating_point T>
void causal_row(std::span<T> x, std::size_t valid, T scale, T& m, T& r) {
    m = scale * simd::largest(valid, x.data());
    const simd::Vec<T> s(scale), minus(-m);
    simd::map(valid, x.data(), [&](const auto& v) { return simd::exp<T>(simd::fma<T>(v, s, minus)); },
              static_cast<const T*>(x.data()));
    r = T(1) / simd::sum<T>(valid, [](const auto& v) { return v; }, static_cast<const T*>(x.data()));
    kernel::scale<T>(r, x.first(valid));
    std::ranges::fill(x.subspan(valid), T(0));
}
}  // namespace detail

template <std::floating_point T>
void attention_forward(const AttentionSize& size, const T* qkv, T* o, std::span<T> largest, std::span<T> inverse,
                       AttentionScratch<T>& scratch) {
    const std::size_t C = size.channels(), ld = 3 * C, d = size.width, tokens = size.tokens;
    const T scale = T(1) / std::sqrt(static_cast<T>(d));
    if (scratch.p.size() < detail::strip * detail::row_length(tokens))
        scratch.p.resize(detail::strip * detail::row_length(tokens));
    for (std::size_t unit = 0; unit < size.batch * size.heads; ++unit) {
        const std::size_t head = unit % size.heads, sample = unit / size.heads;
        const T* q = qkv + sample * tokens * ld + head * d;
        T* out = o + sample * tokens * C + head * d;
        scratch.keys_t.pack(d, tokens, q + C, 1, ld);
        scratch.values.pack(tokens, d, q + 2 * C, ld, 1);
        for (std::size_t first = 0; first < tokens; first += detail::strip) {
            const std::size_t rows = std::min(detail::strip, tokens - first), keys = first + rows;
            const std::size_t ldp = detail::row_length(keys);
            T* p = scratch.p.data();
            gemm<T>(rows, q + first * ld, ld, scratch.keys_t, {d, std::same_as<T, float> ? ldp : keys}, p, ldp);
            for (std::size_t i = 0; i < rows; ++i) {
                const std::size_t row = unit * tokens + first + i;
                detail::causal_row<T>({p + i * ldp, keys}, first + i + 1, scale, largest[row], inverse[row]);
            }
            gemm<T>(rows, p, ldp, scratch.values, {keys, d}, out + first * C, C);
        }
    }
}

/// Overwrites dqkv.
template <std::floating_point T>
void attention_backward(const AttentionSize& size, const T* qkv, const T* o, const T* dout, T* dqkv,
                        std::span<const T> largest, std::span<const T> inverse, AttentionScratch<T>& scratch) {
    const std::size_t C = size.channels(), ld = 3 * C, d = size.width, tokens = size.tokens;
    const T scale = T(1) / std::sqrt(static_cast<T>(d));
    const std::size_t block = detail::strip * detail::strips;
    const std::size_t held_size = block * detail::row_length(tokens);
    if (scratch.p.size() < held_size) scratch.p.resize(held_size);
    if (scratch.ds.size() < held_size) scratch.ds.resize(held_size);
    std::fill_n(dqkv, size.batch * tokens * ld, T(0));
    for (std::size_t unit = 0; unit < size.batch * size.heads; ++unit) {
        const std::size_t head = unit % size.heads, sample = unit / size.heads;
        const T* q = qkv + sample * tokens * ld + head * d;
        T* dq = dqkv + sample * tokens * ld + head * d;
        const T* out = o + sample * tokens * C + head * d;
        const T* dy = dout + sample * tokens * C + head * d;
        scratch.keys_t.pack(d, tokens, q + C, 1, ld);
        scratch.keys.pack(tokens, d, q + C, ld, 1);
        scratch.values_t.pack(d, tokens, q + 2 * C, 1, ld);
        for (std::size_t start = 0; start < tokens; start += block) {
            const std::size_t held = std::min(block, tokens - start), keys_held = start + held,
                              ldp = detail::row_length(keys_held);
            for (std::size_t first = start; first < start + held; first += detail::strip) {
                const std::size_t rows = std::min(detail::strip, start + held - first), keys = first + rows;
                T* p = scratch.p.data() + (first - start) * ldp;
                T* ds = scratch.ds.data() + (first - start) * ldp;
                const std::size_t scores = std::same_as<T, float> ? detail::row_length(keys) : keys;
                gemm<T>(rows, q + first * ld, ld, scratch.keys_t, {d, scores}, p, ldp);
                gemm<T>(rows, dy + first * C, C, scratch.values_t, {d, scores}, ds, ldp);
                for (std::size_t i = 0; i < rows; ++i) {
                    const std::size_t row = unit * tokens + first + i, valid = first + i + 1;
                    const T* y = out + (first + i) * C;
                    const T* g = dy + (first + i) * C;
                    // sum_j P dP = do . o: one row of o instead of one of dP
                    const T dot = T(detail::accumulate<T>(
                        d, [](const auto& sum, const auto& a, const auto& b) { return simd::fma<T>(a, b, sum); }, y, g));
                    detail::probabilities<T>({p + i * ldp, ldp}, valid, scale, largest[row], inverse[row]);
                    const simd::Vec<T> s(scale), delta(dot);
                    simd::map(valid, ds + i * ldp,
                              [&](const auto& x, const auto& a) { return a * (x - delta) * s; },
                              static_cast<const T*>(ds + i * ldp), static_cast<const T*>(p + i * ldp));
                    std::fill(ds + i * ldp + valid, ds + (i + 1) * ldp, T(0));
                }
                gemm<T>(rows, ds, ldp, scratch.keys, {keys, d}, dq + first * ld, ld);
            }
            gemm_adjoint<T>(held, keys_held, d, scratch.ds.data(), ldp, q + start * ld, ld, dq + C, ld);
            gemm_adjoint<T>(held, keys_held, d, scratch.p.data(), ldp, dy + start * C, C, dq + 2 * C, ld);
        }
    }
}

}  // namespace tessera::kernel
