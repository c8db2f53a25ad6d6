#pragma once
// attention_forward, attention_backward: causal self-attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).
//
//     S = scale q k^T, masked to keys <= query,   P = softmax(S) by rows,   o = P v,   scale = 1 / sqrt(d)
//     dv = P^T do,   dP = do v^T,   dS = P (dP - sum_j P dP) scale,   dq = dS k,   dk = dS^T q
//
// One sample and one head at a time. The statistics of each row (largest score, 1 / sum of exponentials) are kept for
// backward, which computes P again from them: there is never a T x T matrix. sum_j P dP is do . o. Inputs must be
// finite: keys that a query must not see get weights of zero.
//
// Rows are read and written in place up to 128 tokens. Beyond that, and where d is not a multiple of the vector width,
// each head is copied first: 784 rows 3 C apart fall into few sets of L1 and touch 300 pages (forward 64 % of the peak
// in place, 70 % with copies).
//
// Shapes   qkv, dqkv [batch, tokens, 3 C]: q, k, v, each with its heads next to each other, C = heads d; o, dout
//          [batch, tokens, C]; largest, inverse [batch, heads, tokens]
// Cost     2 d multiply-adds forward and 5 d backward for each pair of a query and a key it sees; scratch of one head

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/attention/attention_head.hpp>
#include <tessera/kernel/attention/attention_plain.hpp>
#include <tessera/kernel/simd/pad_rows.hpp>
#include <tessera/kernel/simd/round_up.hpp>

#include <algorithm>
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
    Buffer<T> values;
    /// n elements; the buffer never shrinks.
    [[nodiscard]] T* reserve(std::size_t n) {
        if (values.size() < n) values.resize(n);
        return values.data();
    }
};

namespace attention::detail {
inline constexpr std::size_t max_tokens_in_place = 128;

inline bool copied(const AttentionSize& size) { return size.width % W != 0 || size.tokens > max_tokens_in_place; }

// A copy of rows of d elements, padded to whole vectors; `scratch` moves past it. And back.
inline Rows<const float> pad(std::size_t rows, std::size_t d, Rows<const float> from, float*& scratch) {
    const Rows<float> to{scratch, round_up(d, W)};
    scratch += rows * to.ld;
    pad_rows(
        rows, d, to.ld, [&](std::size_t t) { return from[t]; }, to.data);
    return to;
}
inline void unpad(std::size_t rows, std::size_t d, Rows<const float> from, Rows<float> to) {
    unpad_rows(rows, d, from.ld, from.data, [&](std::size_t t) { return to[t]; });
}

/// f(unit, first element of its q, first element of its o) for each head of each sample.
template <class F>
void for_heads(const AttentionSize& size, F&& f) {
    for (std::size_t unit = 0; unit < size.batch * size.heads; ++unit) {
        const std::size_t at = unit / size.heads * size.tokens * size.channels(),
                          column = unit % size.heads * size.width;
        f(unit, 3 * at + column, at + column);
    }
}
template <class T>
Triple<T> triple(T* at, std::size_t channels) {
    const std::size_t ld = 3 * channels;
    return {{at, ld}, {at + channels, ld}, {at + 2 * channels, ld}};
}
}  // namespace attention::detail

/// largest, inverse: the statistics of each row, for backward.
template <std::floating_point T>
void attention_forward(const AttentionSize& size, const T* qkv, T* o, std::span<T> largest, std::span<T> inverse,
                       AttentionScratch<T>& scratch) {
    namespace impl = attention;
    const std::size_t C = size.channels(), tokens = size.tokens, d = size.width;
    if constexpr (std::same_as<T, float>) {
        const bool copied = impl::detail::copied(size);
        const std::size_t matrix = tokens * round_up(d, impl::W);
        float* const memory = scratch.reserve(impl::forward_scratch(tokens, d) + (copied ? 4 * matrix : 0));
        impl::detail::for_heads(size, [&](std::size_t unit, std::size_t q, std::size_t y) {
            impl::Triple<const float> in = impl::detail::triple(qkv + q, C);
            const impl::Rows<float> out{o + y, C};
            // padded copies of q, k and v, and space for o
            impl::Rows<float> padded = out;
            float* rest = memory;
            if (copied) {
                for (impl::Rows<const float>* m : {&in.q, &in.k, &in.v}) *m = impl::detail::pad(tokens, d, *m, rest);
                padded = {rest, round_up(d, impl::W)};
                rest += matrix;
            }
            impl::forward(tokens, d, in, padded, {largest.data() + unit * tokens, inverse.data() + unit * tokens},
                          rest);
            if (copied) impl::detail::unpad(tokens, d, padded, out);
        });
    } else {
        T* const p = scratch.reserve(tokens);
        impl::detail::for_heads(size, [&](std::size_t unit, std::size_t q, std::size_t y) {
            const impl::Triple<const T> in = impl::detail::triple(qkv + q, C);
            for (std::size_t t = 0, row = unit * tokens; t < tokens; ++t, ++row)
                inverse[row] = impl::plain::row<T>(t + 1, d, in.q[t], in.k, in.v, p, o + y + t * C, largest[row]);
        });
    }
}

/// Overwrites dqkv. largest, inverse: as attention_forward left them.
template <std::floating_point T>
void attention_backward(const AttentionSize& size, const T* qkv, const T* o, const T* dout, T* dqkv,
                        std::span<const T> largest, std::span<const T> inverse, AttentionScratch<T>& scratch) {
    namespace impl = attention;
    const std::size_t C = size.channels(), tokens = size.tokens, d = size.width;
    if constexpr (std::same_as<T, float>) {
        const bool copied = impl::detail::copied(size);
        const std::size_t matrix = tokens * round_up(d, impl::W);
        float* const memory = scratch.reserve(impl::backward_scratch(tokens, d) + (copied ? 8 * matrix : 0));
        impl::detail::for_heads(size, [&](std::size_t unit, std::size_t q, std::size_t y) {
            impl::Triple<const float> in = impl::detail::triple(qkv + q, C);
            impl::Rows<const float> out{o + y, C}, dy{dout + y, C};
            const impl::Triple<float> to = impl::detail::triple(dqkv + q, C);
            // padded copies of q, k, v, o and do, and space for dq, dk and dv
            impl::Triple<float> padded = to;
            float* rest = memory;
            if (copied) {
                for (impl::Rows<const float>* m : {&in.q, &in.k, &in.v, &out, &dy})
                    *m = impl::detail::pad(tokens, d, *m, rest);
                for (impl::Rows<float>* m : {&padded.q, &padded.k, &padded.v}) {
                    *m = {rest, round_up(d, impl::W)};
                    rest += matrix;
                }
            }
            impl::backward(tokens, d, in, out, dy, padded,
                           {largest.data() + unit * tokens, inverse.data() + unit * tokens}, rest);
            if (copied) {
                impl::detail::unpad(tokens, d, padded.q, to.q);
                impl::detail::unpad(tokens, d, padded.k, to.k);
                impl::detail::unpad(tokens, d, padded.v, to.v);
            }
        });
    } else {
        impl::detail::for_heads(size, [&](std::size_t unit, std::size_t q, std::size_t y) {
            const impl::Triple<const T> in = impl::detail::triple(qkv + q, C);
            const impl::Triple<T> to = impl::detail::triple(dqkv + q, C);
            impl::plain::backward<T>(tokens, d, in.q, in.k, in.v, {o + y, C}, {dout + y, C}, to.q, to.k, to.v,
                                     largest.data() + unit * tokens, inverse.data() + unit * tokens);
        });
    }
}

}  // namespace tessera::kernel
