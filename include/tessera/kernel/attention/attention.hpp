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
// With kv_heads below heads (Ainslie et al. 2023, arXiv:2305.13245) each head of keys and values is read by a group of
// adjacent heads of queries; its gradient is the sum over them, in order.
//
// Shapes   qkv, dqkv [batch, tokens, C + 2 K]: q, k, v, each with its heads next to each other, C = heads d, K =
//          kv_heads d; o, dout [batch, tokens, C]; largest, inverse [batch, heads, tokens]
// Cost     2 d multiply-adds forward and 5 d backward for each pair of a query and a key it sees. Scratch of one head,
//          linear in tokens: for d = 32 and vectors of 16, 0.5 MB forward and 1.1 MB backward for 784 tokens, 2.6 and
//          5.8 MB for 4096

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
    std::size_t kv_heads = 0;                 ///< of keys and values, a divisor of heads; 0: as many as heads
    std::size_t channels() const { return heads * width; }
    /// Heads of queries that read one head of keys and values.
    std::size_t group() const { return kv_heads > 0 ? heads / kv_heads : 1; }
    std::size_t kv_channels() const { return channels() / group(); }
    /// Elements of a row of qkv.
    std::size_t row() const { return channels() + 2 * kv_channels(); }
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
// A group writes the gradient of its keys and values more than once: into a copy, which is then added.
inline bool copied_backward(const AttentionSize& size) { return copied(size) || size.group() > 1; }

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

// The same, added to what `to` holds.
template <class T>
void unpad_add(std::size_t rows, std::size_t d, Rows<const T> from, Rows<T> to) {
    for (std::size_t t = 0; t < rows; ++t)
        simd::map(
            d, to[t], [](const auto& a, const auto& b) { return a + b; }, to[t], from[t]);
}

/// One head of queries of one sample.
struct Head {
    std::size_t unit;        ///< sample heads + head
    std::size_t q, k, v, o;  ///< first elements of its matrices in qkv and o
    bool first_of_group;     ///< no head before it has read the same keys and values
};
/// f(head) for each head of each sample.
template <class F>
void for_heads(const AttentionSize& size, F&& f) {
    const std::size_t group = size.group();
    for (std::size_t unit = 0; unit < size.batch * size.heads; ++unit) {
        const std::size_t rows = unit / size.heads * size.tokens, head = unit % size.heads,
                          key = rows * size.row() + size.channels() + head / group * size.width;
        f(Head{unit, rows * size.row() + head * size.width, key, key + size.kv_channels(),
               rows * size.channels() + head * size.width, head % group == 0});
    }
}
template <class T>
Triple<T> triple(T* qkv, const Head& head, const AttentionSize& size) {
    const std::size_t ld = size.row();
    return {{qkv + head.q, ld}, {qkv + head.k, ld}, {qkv + head.v, ld}};
}
}  // namespace attention::detail

/// largest, inverse: the statistics of each row, for backward.
template <std::floating_point T>
void attention_forward(const AttentionSize& size, const T* qkv, T* o, std::span<T> largest, std::span<T> inverse,
                       AttentionScratch<T>& scratch) {
    namespace impl = attention;
    namespace parts = attention::detail;
    const std::size_t C = size.channels(), tokens = size.tokens, d = size.width;
    if constexpr (std::same_as<T, float>) {
        const bool copied = parts::copied(size);
        const std::size_t matrix = tokens * round_up(d, impl::W);
        float* const memory = scratch.reserve(impl::forward_scratch(tokens, d) + (copied ? 4 * matrix : 0));
        parts::for_heads(size, [&](const parts::Head& head) {
            impl::Triple<const float> in = parts::triple(qkv, head, size);
            const impl::Rows<float> out{o + head.o, C};
            // padded copies of q, k and v, and space for o
            impl::Rows<float> padded = out;
            float* rest = memory;
            if (copied) {
                for (impl::Rows<const float>* m : {&in.q, &in.k, &in.v}) *m = parts::pad(tokens, d, *m, rest);
                padded = {rest, round_up(d, impl::W)};
                rest += matrix;
            }
            impl::forward(tokens, d, in, padded,
                          {largest.data() + head.unit * tokens, inverse.data() + head.unit * tokens}, rest);
            if (copied) parts::unpad(tokens, d, padded, out);
        });
    } else {
        T* const p = scratch.reserve(tokens);
        parts::for_heads(size, [&](const parts::Head& head) {
            const impl::Triple<const T> in = parts::triple(qkv, head, size);
            for (std::size_t t = 0, row = head.unit * tokens; t < tokens; ++t, ++row)
                inverse[row] = impl::plain::row<T>(t + 1, d, in.q[t], in.k, in.v, p, o + head.o + t * C, largest[row]);
        });
    }
}

/// Overwrites dqkv. largest, inverse: as attention_forward left them.
template <std::floating_point T>
void attention_backward(const AttentionSize& size, const T* qkv, const T* o, const T* dout, T* dqkv,
                        std::span<const T> largest, std::span<const T> inverse, AttentionScratch<T>& scratch) {
    namespace impl = attention;
    namespace parts = attention::detail;
    const std::size_t C = size.channels(), tokens = size.tokens, d = size.width;
    if constexpr (std::same_as<T, float>) {
        const bool copied = parts::copied_backward(size);
        const std::size_t matrix = tokens * round_up(d, impl::W);
        float* const memory = scratch.reserve(impl::backward_scratch(tokens, d) + (copied ? 8 * matrix : 0));
        parts::for_heads(size, [&](const parts::Head& head) {
            impl::Triple<const float> in = parts::triple(qkv, head, size);
            impl::Rows<const float> out{o + head.o, C}, dy{dout + head.o, C};
            const impl::Triple<float> to = parts::triple(dqkv, head, size);
            // padded copies of q, k, v, o and do, and space for dq, dk and dv
            impl::Triple<float> padded = to;
            float* rest = memory;
            if (copied) {
                for (impl::Rows<const float>* m : {&in.q, &in.k, &in.v, &out, &dy})
                    *m = parts::pad(tokens, d, *m, rest);
                for (impl::Rows<float>* m : {&padded.q, &padded.k, &padded.v}) {
                    *m = {rest, round_up(d, impl::W)};
                    rest += matrix;
                }
            }
            impl::backward(tokens, d, in, out, dy, padded,
                           {largest.data() + head.unit * tokens, inverse.data() + head.unit * tokens}, rest);
            if (!copied) return;
            parts::unpad(tokens, d, padded.q, to.q);
            if (head.first_of_group) {
                parts::unpad(tokens, d, padded.k, to.k);
                parts::unpad(tokens, d, padded.v, to.v);
            } else {
                parts::unpad_add<float>(tokens, d, padded.k, to.k);
                parts::unpad_add<float>(tokens, d, padded.v, to.v);
            }
        });
    } else {
        T* const copies = scratch.reserve(2 * tokens * d);
        parts::for_heads(size, [&](const parts::Head& head) {
            const impl::Triple<const T> in = parts::triple(qkv, head, size);
            const impl::Triple<T> to = parts::triple(dqkv, head, size);
            impl::Triple<T> written = to;
            if (!head.first_of_group) {
                written.k = {copies, d};
                written.v = {copies + tokens * d, d};
            }
            impl::plain::backward<T>(tokens, d, in.q, in.k, in.v, {o + head.o, C}, {dout + head.o, C}, written.q,
                                     written.k, written.v, largest.data() + head.unit * tokens,
                                     inverse.data() + head.unit * tokens);
            if (head.first_of_group) return;
            parts::unpad_add<T>(tokens, d, written.k, to.k);
            parts::unpad_add<T>(tokens, d, written.v, to.v);
        });
    }
}

}  // namespace tessera::kernel
