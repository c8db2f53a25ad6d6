#pragma once
// TwoStreamAttention: causal self-attention of contents, and queries that attend to the contents.
//
//     x = [contents 0 .. n-1, queries 0 .. n-1]
//     content i attends to contents 0 .. i,   query i attends to contents 0 .. i, never to a query
//                                        (two streams: Yang et al. 2019, arXiv:1906.08237, section 2.3;
//                                         position queries: Li et al. 2025, arXiv:2503.10568)
//
// A query can be for any position, so the contents may be in any order, and several positions can be predicted from the
// same contents. The projections are CausalAttention's, with the same weights for both streams:
// each query row has the keys and values of its content row copied into it, and both streams are then the same kernel
// call on twice the samples.
//
// With rotary positions (AttentionOptions, nn/attention_options.hpp) the rows are rotated by their places, which come
// with a pass or a step (Pass::places, Step::places): q and k of a content by its own place, q of a query by the place
// that it is for, as in ARPG. A query then reads keys that are rotated by the places of their contents. Without places,
// the place of content i and of query i is i, and the contents are CausalAttention's.
//
// In steps (nn/step.hpp) only contents are kept. Rows are given by Step::positions: content i is row i, query i is row
// n + i, and many queries may have the same row.
//
// Shapes   x, y [batch, 2 n x C], places [batch, 2 n], each below 2 n
// Params   those of CausalAttention (nn/causal_attention.hpp)
// Errors   static_assert where the input is not a Shape<2 n, width>, and those of CausalAttention for n tokens
// Cost     that of CausalAttention for 2 samples of n tokens, with a rotary table of 2 n places. In steps the keys and
//          values of the contents are kept twice: for the kernel, and as rows
//
// Over 150 lines: whole sequences and single steps share the projections.

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/rotary.hpp>
#include <tessera/nn/attention_options.hpp>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/detail/attention_pass.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <class S>
concept TwoStreamShape = (SequenceShape<S> && row_count<S> % 2 == 0);

template <StaticShape In, std::size_t Heads, std::floating_point T, AttentionOptions O = AttentionOptions{}>
struct TwoStreamAttentionLayer {
    static_assert(TwoStreamShape<In>, "TwoStreamAttention takes Shape<tokens, width> with an even number of tokens: "
                                      "as many queries as contents");

    static constexpr std::size_t width = last_dim<In>, tokens = row_count<In>, contents = tokens / 2;
    /// One stream.
    using Causal = CausalAttentionLayer<Shape<contents, width>, Heads, T, O>;
    static constexpr std::string_view name = "TwoStreamAttention";
    static constexpr std::size_t heads = Causal::heads, kv_heads = Causal::kv_heads, head_width = Causal::head_width;
    static constexpr std::size_t row = Causal::row, kv_width = row - width;
    static constexpr Fuses fuses{.add_y = true};
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = typename Causal::Params;
    using Packed = typename Causal::Packed;
    using Stream = Shape<contents, width>;
    using Triple = WithLastDim<In, row>;
    struct Cache : detail::AttentionCache<In, row, T> {
        const std::uint32_t* places = nullptr;  // of this pass
    };

    static void init(Params& p, Rng& rng) { Causal::init(p, rng); }
    static void pack(const Params& p, Packed& w) { Causal::pack(p, w, tokens); }
    static void pack_forward(const Params& p, Packed& w) { Causal::pack_forward(p, w, tokens); }
    static void begin(Cache& cache, const Pass& pass) { cache.places = pass.places; }

    static constexpr Steps steps{.sharing = Sharing::columns};
    struct State {
        explicit State(const Capacity& capacity) : cache{capacity}, rows(capacity.sequences * contents * kv_width) {}
        typename Causal::State cache;
        Buffer<T> rows;  // k and v of the contents, [sequence][content][kv_width]
    };
    using Scratch = typename Causal::Scratch;

    static void step(const Packed& w, View<const T, TokenRow<In>> x, View<T, TokenRow<In>> y, State& state,
                     Scratch& scratch, const Step& at, const T* add = nullptr) {
        kernel::gemm<T>(at.worker, at.rows(), x.data(), width, w.in.forward, scratch.qkv.data(), row,
                        {.bias = w.in.bias_or_null()});
        at.worker.wait();
        Causal::rotate_step(w, scratch, at, [&](std::size_t r) -> std::size_t {
            return at.places == nullptr ? at.position_of(r % at.tokens) % contents : at.places[r];
        });
        for (std::size_t t = 0; t < at.tokens; ++t) {
            const std::size_t position = at.position_of(t), content = position % contents;
            keep_keys(t, position < contents, content, state, scratch, at);
            Causal::attend(t, content, state.cache, scratch, at);
        }
        at.worker.wait();
        kernel::gemm<T>(at.worker, at.rows(), scratch.o.data(), width, w.out.forward, y.data(), width,
                        {.bias = w.out.bias_or_null(), .add = add});
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, In> y, Cache& cache, const T* add = nullptr) {
        // the keys and values of a query are those of its content
        const auto share = [](std::span<T> of_content, std::span<T> of_query) {
            std::ranges::copy(of_content, of_query.begin());
        };
        detail::attention_pass_forward(w, size(x.batch()), x, y, add, cache, [&](Tensor<T, Triple>& qkv) {
            rotate_rows<kernel::Rotation::forward>(w, cache.places, qkv);
            for_pairs(qkv, share);
        });
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        // the keys and values that a query read are those of its content
        const auto collect = [](std::span<T> of_content, std::span<T> of_query) {
            kernel::add<T>(of_content, of_query, of_content);
            std::ranges::fill(of_query, T(0));
        };
        detail::attention_pass_backward(w, size(x.batch()), x, dy, dx, cache, grad, [&](Tensor<T, Triple>& dqkv) {
            for_pairs(dqkv, collect);
            rotate_rows<kernel::Rotation::back>(w, cache.places, dqkv);
        });
    }

private:
    /// Each stream of a sample is a sample of the kernel.
    static kernel::AttentionSize size(std::size_t batch) { return {2 * batch, contents, heads, head_width, kv_heads}; }
    /// Rotates q of all rows, and k of the contents, or their gradients back.
    template <kernel::Rotation rotation>
    static void rotate_rows(const Packed& w, const std::uint32_t* places, Tensor<T, Triple>& qkv) {
        if constexpr (Causal::rotates)
            for (std::size_t r = 0; r < qkv.batch() * tokens; ++r)
                Causal::template rotate<rotation>(w, r % tokens < contents ? heads + kv_heads : heads,
                                                  places == nullptr ? r % contents : places[r], qkv.data() + r * row);
    }
    /// Calls f(k and v of a content, k and v of the query of the same index) for all of them.
    template <class F>
    static void for_pairs(Tensor<T, Triple>& qkv, F f) {
        for (std::size_t n = 0; n < qkv.batch(); ++n)
            for (std::size_t i = 0; i < contents; ++i) {
                T* const content = qkv.data() + (n * tokens + i) * row + width;
                f(std::span<T>{content, kv_width}, std::span<T>{content + contents * row, kv_width});
            }
    }
    // For this worker's share of the heads of keys: keeps k and v of a content, or gives a query those of its content.
    static void keep_keys(std::size_t t, bool is_content, std::size_t content, State& state, Scratch& scratch,
                          const Step& at) {
        const auto [begin, end] = at.worker.share(at.sequences * kv_heads);
        for (std::size_t i = begin; i < end; ++i) {
            const std::size_t sequence = i / kv_heads, head = i % kv_heads * head_width;
            T* const now = scratch.qkv.data() + (sequence * at.tokens + t) * row + width + head;
            T* const kept = state.rows.data() + (sequence * contents + content) * kv_width + head;
            for (const std::size_t kv : {std::size_t{0}, kv_width / 2})
                std::copy_n((is_content ? now : kept) + kv, head_width, (is_content ? kept : now) + kv);
        }
    }
};

/// `Residual<LayerNorm, TwoStreamAttention<4>>`
template <std::size_t Heads, AttentionOptions O = AttentionOptions{}>
struct TwoStreamAttention {
    template <StaticShape In, std::floating_point T>
    using Bind = TwoStreamAttentionLayer<In, Heads, T, O>;
};

}  // namespace tessera::nn
