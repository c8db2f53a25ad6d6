#pragma once
// What CausalAttention and TwoStreamAttention share: parameters, cache, and the projections around the attention of
// whole sequences.

#include <tessera/core/buffer.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/view.hpp>
#include <tessera/kernel/attention/attention.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>
#include <tessera/nn/bias.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/linear.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

/// Row: of q, k and v together.
template <std::size_t Width, std::size_t Row, Bias B, std::floating_point T>
struct AttentionParams {
    Param<T, Shape<Width, Row>, Axes<1, 0>> in_weight;
    Param<T, Shape<B == Bias::with ? Row : 0>> in_bias;
    Param<T, Shape<Width, Width>, Axes<1, 0>> out_weight;
    Param<T, Shape<B == Bias::with ? Width : 0>> out_bias;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("in_proj_weight", p.in_weight...);
        if constexpr (B == Bias::with) f("in_proj_bias", p.in_bias...);
        f("out_proj.weight", p.out_weight...);
        if constexpr (B == Bias::with) f("out_proj.bias", p.out_bias...);
    }
};

namespace detail {

template <StaticShape In, std::size_t Row, std::floating_point T>
struct AttentionCache {
    Tensor<T, WithLastDim<In, Row>> qkv, dqkv;
    Tensor<T, In> o, dout;
    Buffer<T> largest, inverse, operand_copies;
    kernel::AttentionScratch<T> scratch;
};

/// y = softmax(q k^T / sqrt(d)) v W_out + b_out; the statistics of the rows are kept for backward. change(qkv) is
/// called between the input projection and the attention. Packed has the projections `in` and `out`.
template <StaticShape In, std::size_t Row, std::floating_point T, class Packed, class Change>
void attention_pass_forward(const Packed& w, const kernel::AttentionSize& size, View<const T, In> x, View<T, In> y,
                            const T* add, AttentionCache<In, Row, T>& cache, Change change) {
    constexpr std::size_t width = last_dim<In>;
    const std::size_t rows = x.batch() * row_count<In>;
    cache.qkv.resize(x.batch());
    cache.o.resize(x.batch());
    if (cache.largest.size() < rows * size.heads) cache.largest.resize(rows * size.heads);
    if (cache.inverse.size() < rows * size.heads) cache.inverse.resize(rows * size.heads);
    kernel::gemm<T>(rows, x.data(), width, w.in.forward, cache.qkv.data(), Row, {.bias = w.in.bias_or_null()});
    change(cache.qkv);
    kernel::attention_forward<T>(size, cache.qkv.data(), cache.o.data(), cache.largest, cache.inverse, cache.scratch);
    kernel::gemm<T>(rows, cache.o.data(), width, w.out.forward, y.data(), width,
                    {.bias = w.out.bias_or_null(), .add = add});
}

/// The gradients of attention_pass_forward; change(dqkv) is called between the attention and the input projection.
template <StaticShape In, std::size_t Row, Bias B, std::floating_point T, class Packed, class Change>
void attention_pass_backward(const Packed& w, const kernel::AttentionSize& size, View<const T, In> x,
                             View<const T, In> dy, View<T, In> dx, AttentionCache<In, Row, T>& cache,
                             AttentionParams<last_dim<In>, Row, B, T>& grad, Change change) {
    constexpr std::size_t width = last_dim<In>;
    const std::size_t rows = x.batch() * row_count<In>;
    cache.dqkv.resize(x.batch());
    cache.dout.resize(x.batch());
    // output projection: dW_out += o^T dy, db_out += sum of dy, do = dy W_out^T
    kernel::gemm_weight_gradient<T>(rows, width, width, cache.o.data(), width, dy.data(), width, grad.out_weight.data(),
                                    width, cache.operand_copies);
    if constexpr (B == Bias::with) kernel::column_sums<T>(rows, width, dy.data(), width, grad.out_bias.data());
    kernel::gemm<T>(rows, dy.data(), width, w.out.backward, cache.dout.data(), width);
    // attention: dq, dk, dv from do, with the probabilities computed again
    kernel::attention_backward<T>(size, cache.qkv.data(), cache.o.data(), cache.dout.data(), cache.dqkv.data(),
                                  cache.largest, cache.inverse, cache.scratch);
    change(cache.dqkv);
    // input projection: dW_in += x^T d[q k v], db_in += sum of d[q k v], dx = d[q k v] W_in^T
    kernel::gemm_weight_gradient<T>(rows, width, Row, x.data(), width, cache.dqkv.data(), Row, grad.in_weight.data(),
                                    Row, cache.operand_copies);
    if constexpr (B == Bias::with) kernel::column_sums<T>(rows, Row, cache.dqkv.data(), Row, grad.in_bias.data());
    kernel::gemm<T>(rows, cache.dqkv.data(), Row, w.in.backward, dx.data(), width);
}

}  // namespace detail

}  // namespace tessera::nn
