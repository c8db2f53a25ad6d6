#pragma once
// CausalAttention: multi-head causal self-attention with its two projections (torch.nn.MultiheadAttention).
//
//     [q k v] = x W_in + b_in,   o = softmax(q k^T / sqrt(C / heads), keys <= query) v,   y = o W_out + b_out
//                                                                     (Vaswani et al. 2017, arXiv:1706.03762, eq. 1)
//
// Token by token (nn/step.hpp) the state is the KV cache: keys and values of the tokens so far.
//
// AttentionOptions has the variants: fewer heads of keys and values (grouped-query attention, Ainslie et al. 2023,
// arXiv:2305.13245), rotary positions of queries and keys by token or by row and column of a grid (kernel/rotary.hpp),
// no biases. Row i of q, k and v is rotated by position i: in a prior that reads a label first, the position of the
// token that row i predicts.
//
// Shapes   x, y [batch, tokens x C]; K = C kv_heads / heads
// Params   in_weight Shape<C, C + 2 K> "in_proj_weight" (PyTorch's [3 C, C]), Xavier uniform;
//          in_bias Shape<C + 2 K> "in_proj_bias", 0;
//          out_weight Shape<C, C> "out_proj.weight" (PyTorch's [C, C] transposed), U(-1/sqrt(C), 1/sqrt(C));
//          out_bias Shape<C> "out_proj.bias", 0; no biases with no_bias
// Errors   static_assert where the input is not a Shape<tokens, width>, the heads do not divide the width, the kv heads
//          do not divide the heads, the channels of a head do not fit rotary positions, a base is given without
//          them, or the columns of a grid do not divide the tokens
// Cost     forward 4 tokens C^2 multiply-adds for the projections and about tokens^2 C for scores and weighted sums
//          (keys after the query are left out); backward twice the projections and, with the probabilities computed
//          again, two and a half times the rest. Cached per sample: 8 tokens C elements (q, k, v, o and their
//          gradients) and 2 tokens heads (row statistics); never a tokens x tokens matrix: with a width of 128, 3.2 MB
//          for 784 tokens and 17 MB for 4096. A rotation costs 2 (C + K) tokens multiply-adds each way, and in a step
//          one more barrier
//
// Over 150 lines: whole sequences and single steps share the projections.

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/attention/attention.hpp>
#include <tessera/kernel/attention/kv_cache_by_head.hpp>
#include <tessera/kernel/attention/kv_cache_interleaved.hpp>
#include <tessera/kernel/rotary.hpp>
#include <tessera/nn/attention_options.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/detail/attention_pass.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::size_t Heads, std::floating_point T, AttentionOptions O = AttentionOptions{}>
struct CausalAttentionLayer {
    static_assert(SequenceShape<In>, "CausalAttention takes Shape<tokens, width>");
    static_assert(HeadsDivideWidth<In, Heads>, "CausalAttention: the heads must divide the width");
    static_assert(KvHeadsDivideHeads<Heads, O>, "CausalAttention: the kv heads must divide the heads");
    static_assert(RotaryFitsHeads<In, Heads, O>,
                  "CausalAttention: rotary positions need an even number of channels per head, a multiple of four in a "
                  "grid, and a base above 0");
    static_assert(BaseHasRotary<O>, "CausalAttention: a base needs rotary positions: nothing else reads it");
    static_assert(ColumnsDivideTokens<In, O>,
                  "CausalAttention: Rotary::grid needs columns that divide the tokens, and nothing else reads them");

    static constexpr std::string_view name = "CausalAttention";
    static constexpr std::size_t width = last_dim<In>, tokens = row_count<In>, heads = Heads > 0 ? Heads : 1;
    static constexpr std::size_t head_width = width / heads;
    static constexpr std::size_t kv_heads = O.kv_heads > 0 && heads % O.kv_heads == 0 ? O.kv_heads : heads;
    static constexpr std::size_t row = width + 2 * kv_heads * head_width;  // q, k and v of a token
    static constexpr bool rotates = O.rotary != Rotary::none;
    static constexpr Fuses fuses{.add_y = true};
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Triple = WithLastDim<In, row>;

    using Params = AttentionParams<width, row, O.bias, T>;
    struct Packed {
        PackedLinear<T> in, out;
        std::conditional_t<rotates, kernel::RotaryTable<T>, Empty> positions;
    };
    using Cache = detail::AttentionCache<In, row, T>;

    static void init(Params& p, Rng& rng) {
        xavier_uniform(p.in_weight, width, row, rng);
        p.in_bias.fill(T(0));
        uniform_fan_in(p.out_weight, width, rng);
        p.out_bias.fill(T(0));
        p.in_weight.set_role(Role::weight);
        p.out_weight.set_role(Role::output);
        p.in_bias.set_role(Role::bias);
        p.out_bias.set_role(Role::bias);
    }
    /// `places`: those that can be rotated by, for layers that share it.
    static void pack(const Params& p, Packed& w, std::size_t places = tokens) {
        w.in.pack(width, row, p.in_weight.data(), p.in_bias.span());
        w.out.pack(width, width, p.out_weight.data(), p.out_bias.span());
        fill_positions(w, places);
    }
    static void pack_forward(const Params& p, Packed& w, std::size_t places = tokens) {
        w.in.pack_forward(width, row, p.in_weight.data(), p.in_bias.span());
        w.out.pack_forward(width, width, p.out_weight.data(), p.out_bias.span());
        fill_positions(w, places);
    }

    // The KV cache of each sequence. One worker with many heads keeps them interleaved: a SIMD lane is then a head of
    // queries with a head of keys, which a group of them would have to copy.
    static constexpr Steps steps{.sharing = Sharing::columns};
    static bool interleaves(const Capacity& capacity) {
        return capacity.workers == 1 && std::same_as<T, float> && kv_heads == heads &&
               kernel::KvCacheInterleaved::supports(capacity.sequences * heads, head_width);
    }
    struct State {
        explicit State(const Capacity& capacity)
            : is_interleaved{interleaves(capacity)}, by_head{is_interleaved ? 0 : capacity.sequences * kv_heads, tokens,
                                                             head_width},
              interleaved{is_interleaved ? capacity.sequences * heads : 0, tokens, head_width} {}
        bool is_interleaved;               // which of the two caches is in use; the other is empty
        kernel::KvCacheByHead<T> by_head;  // [sequence][kv head]
        kernel::KvCacheInterleaved interleaved;
    };
    struct Scratch {
        explicit Scratch(const Capacity& capacity)
            : qkv(capacity.rows() * row), o(capacity.rows() * width),
              own(capacity.workers,
                  Buffer<T>(interleaves(capacity) ? kernel::KvCacheInterleaved{0, tokens, head_width}.scratch()
                                                  : kernel::KvCacheByHead<T>{0, tokens, head_width}.scratch())) {}
        Buffer<T> qkv, o;
        std::vector<Buffer<T>> own;  // one of each worker
    };
    static void step(const Packed& w, View<const T, TokenRow<In>> x, View<T, TokenRow<In>> y, State& state,
                     Scratch& scratch, const Step& at, const T* add = nullptr) {
        kernel::gemm<T>(at.worker, at.rows(), x.data(), width, w.in.forward, scratch.qkv.data(), row,
                        {.bias = w.in.bias_or_null()});
        at.worker.wait();
        rotate_step(w, scratch, at, [&](std::size_t r) { return at.position + r % at.tokens; });
        for (std::size_t t = 0; t < at.tokens; ++t) attend(t, at.position + t, state, scratch, at);
        at.worker.wait();
        kernel::gemm<T>(at.worker, at.rows(), scratch.o.data(), width, w.out.forward, y.data(), width,
                        {.bias = w.out.bias_or_null(), .add = add});
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, In> y, Cache& cache, const T* add = nullptr) {
        detail::attention_pass_forward(w, size(x.batch()), x, y, add, cache,
                                       [&](Tensor<T, Triple>& qkv) { rotate_rows<kernel::Rotation::forward>(w, qkv); });
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        detail::attention_pass_backward(w, size(x.batch()), x, dy, dx, cache, grad,
                                        [&](Tensor<T, Triple>& dqkv) { rotate_rows<kernel::Rotation::back>(w, dqkv); });
    }
    /// Rotates q and k of row r of the step by place_of(r). Part of step, for layers that share it.
    template <class F>
    static void rotate_step(const Packed& w, Scratch& scratch, const Step& at, F place_of) {
        if constexpr (rotates) {
            // this worker's share of all heads of q and k
            const auto [begin, end] = at.worker.share(at.rows() * (heads + kv_heads));
            for (std::size_t i = begin; i < end; ++i) {
                const std::size_t r = i / (heads + kv_heads), head = i % (heads + kv_heads);
                rotate<kernel::Rotation::forward>(w, 1, place_of(r), scratch.qkv.data() + r * row + head * head_width);
            }
            at.worker.wait();
        }
    }
    /// Rotates adjacent heads of one row by a place. Part of forward and backward, for layers that share it.
    template <kernel::Rotation rotation>
    static void rotate(const Packed& w, std::size_t count, std::size_t place, T* x) {
        kernel::rotate<rotation, T>(count, head_width / 2, w.positions.cos(place), w.positions.sin(place), x);
    }
    /// Attention of token t of the step, which appends key `key`, for this worker's share of all heads of keys of all
    /// sequences. Part of step, for layers that share it.
    static void attend(std::size_t t, std::size_t key, State& state, Scratch& scratch, const Step& at) {
        constexpr std::size_t group = heads / kv_heads;
        const auto [begin, end] = at.worker.share(at.sequences * kv_heads);
        const auto head = [&at, t, first = begin](T* rows, std::size_t distance, std::size_t channels) {
            return [=, tokens_of_step = at.tokens](std::size_t i) {
                const std::size_t sequence = (first + i) / kv_heads;
                return rows + (sequence * tokens_of_step + t) * distance + (first + i) % kv_heads * channels;
            };
        };
        const auto in = head(scratch.qkv.data(), row, group * head_width),
                   out = head(scratch.o.data(), width, group * head_width);
        T* const own = scratch.own[at.worker.id()].data();
        if constexpr (group > 1) {
            const auto keys = head(scratch.qkv.data() + width, row, head_width);
            state.by_head.step_shared(begin, end - begin, group, key, kv_heads * head_width, in, keys, out, own);
        } else {
            if constexpr (std::same_as<T, float>)
                if (state.is_interleaved) return state.interleaved.step(key, width, in, out, own);
            state.by_head.step(begin, end - begin, key, width, in, out, own);
        }
    }

private:
    static kernel::AttentionSize size(std::size_t batch) { return {batch, tokens, heads, head_width, kv_heads}; }
    static void fill_positions(Packed& w, std::size_t places) {
        if constexpr (rotates) w.positions.fill(places, head_width / 2, O.columns, static_cast<double>(O.base));
    }
    // Rotates q and k, or their gradients back, of whole sequences.
    template <kernel::Rotation rotation>
    static void rotate_rows(const Packed& w, Tensor<T, Triple>& qkv) {
        if constexpr (rotates)
            for (std::size_t r = 0; r < qkv.batch() * tokens; ++r)
                rotate<rotation>(w, heads + kv_heads, r % tokens, qkv.data() + r * row);
    }
};

/// `Residual<LayerNorm, CausalAttention<4>>`
template <std::size_t Heads, AttentionOptions O = AttentionOptions{}>
struct CausalAttention {
    template <StaticShape In, std::floating_point T>
    using Bind = CausalAttentionLayer<In, Heads, T, O>;
};

}  // namespace tessera::nn
