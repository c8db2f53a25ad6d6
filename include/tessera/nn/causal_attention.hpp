#pragma once
// CausalAttention: multi-head causal self-attention with its two projections (torch.nn.MultiheadAttention).
//
//     [q k v] = x W_in + b_in,   o = softmax(q k^T / sqrt(C / heads), keys <= query) v,   y = o W_out + b_out
//                                                                     (Vaswani et al. 2017, arXiv:1706.03762, eq. 1)
//
// Token by token (nn/step.hpp) the state is the KV cache: keys and values of the tokens so far.
//
// Shapes   x, y [batch, tokens x C]
// Params   in_weight Shape<C, 3 C> "in_proj_weight" (PyTorch's [3 C, C]), Xavier uniform;
//          in_bias Shape<3 C> "in_proj_bias", 0;
//          out_weight Shape<C, C> "out_proj.weight" (PyTorch's [C, C] transposed), U(-1/sqrt(C), 1/sqrt(C));
//          out_bias Shape<C> "out_proj.bias", 0
// Errors   static_assert where the input is not a Shape<tokens, width>, or the heads do not divide the width
// Cost     forward 4 tokens C^2 multiply-adds for the projections and about tokens^2 C for scores and weighted sums
//          (keys after the query are left out); backward twice the projections and, with the probabilities computed
//          again, two and a half times the rest. Cached per sample: 8 tokens C elements (q, k, v, o and their
//          gradients) and 2 tokens heads (row statistics); never a tokens x tokens matrix

#include <tessera/kernel/attention/attention.hpp>
#include <tessera/kernel/attention/kv_cache_by_head.hpp>
#include <tessera/kernel/attention/kv_cache_interleaved.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

/// A Shape<tokens, width>.
template <class S>
concept SequenceShape = StaticShape<S> &&(S::rank == 2);
template <class S, std::size_t Heads>
concept HeadsDivideWidth = StaticShape<S> &&(Heads > 0) && (last_dim<S> % (Heads > 0 ? Heads : 1) == 0);

template <std::size_t Width, std::floating_point T>
struct AttentionParams {
    Param<T, Shape<Width, 3 * Width>, Axes<1, 0>> in_weight;
    Param<T, Shape<3 * Width>> in_bias;
    Param<T, Shape<Width, Width>, Axes<1, 0>> out_weight;
    Param<T, Shape<Width>> out_bias;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("in_proj_weight", p.in_weight...);
        f("in_proj_bias", p.in_bias...);
        f("out_proj.weight", p.out_weight...);
        f("out_proj.bias", p.out_bias...);
    }
};

template <StaticShape In, std::size_t Heads, std::floating_point T>
struct CausalAttentionLayer {
    static_assert(SequenceShape<In>, "CausalAttention takes Shape<tokens, width>");
    static_assert(HeadsDivideWidth<In, Heads>, "CausalAttention: the heads must divide the width");

    static constexpr std::string_view name = "CausalAttention";
    static constexpr std::size_t width = last_dim<In>, tokens = row_count<In>, heads = Heads > 0 ? Heads : 1;
    static constexpr Fuses fuses{.add_y = true};
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Triple = WithLastDim<In, 3 * width>;

    using Params = AttentionParams<width, T>;
    struct Packed {
        PackedLinear<T> in, out;
    };
    struct Cache {
        Tensor<T, Triple> qkv, dqkv;
        Tensor<T, In> o, dout;
        Buffer<T> largest, inverse, operand_copies;
        kernel::AttentionScratch<T> scratch;
    };

    static void init(Params& p, Rng& rng) {
        xavier_uniform(p.in_weight, width, 3 * width, rng);
        p.in_bias.fill(T(0));
        uniform_fan_in(p.out_weight, width, rng);
        p.out_bias.fill(T(0));
        p.in_weight.set_role(Role::weight);
        p.out_weight.set_role(Role::output);
        p.in_bias.set_role(Role::bias);
        p.out_bias.set_role(Role::bias);
    }
    static void pack(const Params& p, Packed& w) {
        w.in.pack(width, 3 * width, p.in_weight.data(), p.in_bias.span());
        w.out.pack(width, width, p.out_weight.data(), p.out_bias.span());
    }
    static void pack_forward(const Params& p, Packed& w) {
        w.in.pack_forward(width, 3 * width, p.in_weight.data(), p.in_bias.span());
        w.out.pack_forward(width, width, p.out_weight.data(), p.out_bias.span());
    }

    // The KV cache of each sequence. One worker with many heads keeps them interleaved: a SIMD lane is then a head.
    static constexpr Steps steps{.sharing = Sharing::columns};
    static constexpr std::size_t head_width = width / heads;
    static bool interleaves(const Capacity& capacity) {
        return capacity.workers == 1 && std::same_as<T, float> &&
               kernel::KvCacheInterleaved::supports(capacity.sequences * heads, head_width);
    }
    struct State {
        explicit State(const Capacity& capacity)
            : interleaved{interleaves(capacity)}, by_head{interleaved ? 0 : capacity.sequences * heads, tokens,
                                                          head_width},
              by_lane{interleaved ? std::size_t{1} : 0, capacity.sequences * heads, tokens, head_width} {}
        bool interleaved;
        kernel::KvCacheByHead<T> by_head;  // [sequence][head]
        kernel::KvCacheInterleaved by_lane;
    };
    struct Scratch {
        explicit Scratch(const Capacity& capacity)
            : qkv(capacity.rows() * 3 * width), o(capacity.rows() * width),
              own(capacity.workers,
                  Buffer<T>(interleaves(capacity) ? kernel::KvCacheInterleaved{0, 0, tokens, head_width}.scratch()
                                                  : kernel::KvCacheByHead<T>{0, tokens, head_width}.scratch())) {}
        Buffer<T> qkv, o;
        std::vector<Buffer<T>> own;  // one of each worker
    };
    static void step(const Packed& w, View<const T, TokenRow<In>> x, View<T, TokenRow<In>> y, State& state,
                     Scratch& scratch, const Step& at, const T* add = nullptr) {
        kernel::gemm<T>(at.worker, at.rows(), x.data(), width, w.in.forward, scratch.qkv.data(), 3 * width,
                        {.bias = w.in.bias.data()});
        at.worker.wait();
        for (std::size_t t = 0; t < at.tokens; ++t) attend(t, state, scratch, at);
        at.worker.wait();
        kernel::gemm<T>(at.worker, at.rows(), scratch.o.data(), width, w.out.forward, y.data(), width,
                        {.bias = w.out.bias.data(), .add = add});
    }
    static void forward(const Packed& w, View<const T, In> x, View<T, In> y, Cache& cache, const T* add = nullptr) {
        const std::size_t rows = x.batch() * tokens;
        // y = softmax(q k^T / sqrt(d)) v W_out + b_out; the statistics of the rows are kept for backward
        cache.qkv.resize(x.batch());
        cache.o.resize(x.batch());
        if (cache.largest.size() < rows * heads) cache.largest.resize(rows * heads);
        if (cache.inverse.size() < rows * heads) cache.inverse.resize(rows * heads);
        kernel::gemm<T>(rows, x.data(), width, w.in.forward, cache.qkv.data(), 3 * width, {.bias = w.in.bias.data()});
        kernel::attention_forward<T>({x.batch(), tokens, heads, width / heads}, cache.qkv.data(), cache.o.data(),
                                     cache.largest, cache.inverse, cache.scratch);
        kernel::gemm<T>(rows, cache.o.data(), width, w.out.forward, y.data(), width,
                        {.bias = w.out.bias.data(), .add = add});
    }
    static void backward(const Packed& w, View<const T, In> x, View<const T, In> /*y*/, View<const T, In> dy,
                         View<T, In> dx, Cache& cache, Params& grad) {
        const std::size_t rows = x.batch() * tokens;
        cache.dqkv.resize(x.batch());
        cache.dout.resize(x.batch());
        // output projection: dW_out += o^T dy, db_out += sum of dy, do = dy W_out^T
        kernel::gemm_weight_gradient<T>(rows, width, width, cache.o.data(), width, dy.data(), width,
                                        grad.out_weight.data(), width, cache.operand_copies);
        kernel::column_sums<T>(rows, width, dy.data(), width, grad.out_bias.data());
        kernel::gemm<T>(rows, dy.data(), width, w.out.backward, cache.dout.data(), width);
        // attention: dq, dk, dv from do, with the probabilities computed again
        kernel::attention_backward<T>({x.batch(), tokens, heads, width / heads}, cache.qkv.data(), cache.o.data(),
                                      cache.dout.data(), cache.dqkv.data(), cache.largest, cache.inverse,
                                      cache.scratch);
        // input projection: dW_in += x^T d[q k v], db_in += sum of d[q k v], dx = d[q k v] W_in^T
        kernel::gemm_weight_gradient<T>(rows, width, 3 * width, x.data(), width, cache.dqkv.data(), 3 * width,
                                        grad.in_weight.data(), 3 * width, cache.operand_copies);
        kernel::column_sums<T>(rows, 3 * width, cache.dqkv.data(), 3 * width, grad.in_bias.data());
        kernel::gemm<T>(rows, cache.dqkv.data(), 3 * width, w.in.backward, dx.data(), width);
    }

private:
    // Attention of token t of the step for this worker's share of all heads of all sequences.
    static void attend(std::size_t t, State& state, Scratch& scratch, const Step& at) {
        const auto [begin, end] = at.worker.share(at.sequences * heads);
        const auto head = [&at, t, first = begin](T* rows, std::size_t row) {
            return [=, tokens_of_step = at.tokens](std::size_t i) {
                const std::size_t sequence = (first + i) / heads;
                return rows + (sequence * tokens_of_step + t) * row + (first + i) % heads * head_width;
            };
        };
        const auto in = head(scratch.qkv.data(), 3 * width), out = head(scratch.o.data(), width);
        T* const own = scratch.own[at.worker.index()].data();
        if constexpr (std::same_as<T, float>)
            if (state.interleaved) return state.by_lane.step(0, at.position + t, width, in, out, own);
        state.by_head.step(begin, end - begin, at.position + t, width, in, out, own);
    }
};

/// `Residual<LayerNorm, CausalAttention<4>>`
template <std::size_t Heads>
struct CausalAttention {
    template <StaticShape In, std::floating_point T>
    using Bind = CausalAttentionLayer<In, Heads, T>;
};

}  // namespace tessera::nn
