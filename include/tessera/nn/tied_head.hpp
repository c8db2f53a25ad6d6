#pragma once
// TiedHead: a chain that begins with an embedding, then the products with the embedding's rows as logits.
//
//     h = chain(x),   y = h E^T,   dh = dy E,   dE += dy^T h      E: the first Vocab rows of the embedding of tokens
//                                                  (Press, Wolf 2017, arXiv:1608.05859; Inan, Khosravi, Socher 2017)
//
// The matrix of the head is the embedding, so both gradients are added to one parameter.
//
// Shapes   x [batch, tokens] of Token, y [batch, tokens x Vocab]
// Params   those of the chain, named by position; the head has none
// Errors   static_assert where the chain does not begin with an embedding of at least Vocab rows, or ends with rows of
//          another width
// Cost     that of the chain, and tokens Vocab width multiply-adds per sample, backward twice that. Cached: h and dh

#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::nn {

/// A chain whose first layer has a table of tokens, with a row for each logit and of the width of its output.
template <class Chain, std::size_t Vocab>
concept BeginsWithEmbedding = requires(typename Chain::Params& p) {
    std::get<0>(p.items).token;
    requires std::remove_cvref_t<decltype(std::get<0>(p.items).token)>::Dims::dims[0] >= Vocab;
    requires std::remove_cvref_t<decltype(std::get<0>(p.items).token)>::Dims::dims[1] ==
        last_dim<typename Chain::Output>;
};

template <StaticShape In, std::size_t Vocab, std::floating_point T, class... Specs>
struct TiedHeadLayer {
    using Inner = BasicChain<T, In, Specs...>;
    static_assert(BeginsWithEmbedding<Inner, Vocab>, "TiedHead: the chain must begin with an embedding of at least "
                                                     "Vocab rows, and end with rows of its width");
    using Scalar = T;
    using InputScalar = typename Inner::InputScalar;
    using Input = In;
    using Hidden = typename Inner::Output;
    using Output = WithLastDim<Hidden, Vocab>;
    using Params = typename Inner::Params;
    static constexpr std::string_view name = "TiedHead";
    static constexpr std::size_t width = last_dim<Hidden>, vocab = Inner::template At<0>::vocab;
    struct Packed {
        typename Inner::Packed inner;
        kernel::Panels<T> forward, backward;  // E^T and E
    };
    struct Cache {
        typename Inner::Cache inner;
        Tensor<T, Hidden> h, dh;
        Buffer<T> operand_copies;
    };

    static void init(Params& p, Rng& rng) {
        Inner::init(p, rng);
        change_role(p, Role::output, Role::weight);
    }
    static void pack(const Params& p, Packed& w) {
        Inner::pack(p, w.inner);
        const T* const rows = table(p).data();
        w.forward.pack(width, Vocab, rows, 1, width);
        w.backward.pack(Vocab, width, rows, width, 1);
    }
    static void pack_forward(const Params& p, Packed& w) {
        nn::pack_forward<Inner>(p, w.inner);
        w.forward.pack(width, Vocab, table(p).data(), 1, width);
    }
    // Without the order of blocks: both ends add to the same table, so the whole backward is one unit.
    static void begin(Cache& cache, const Pass& pass) {
        Inner::begin(cache.inner, {pass.training, pass.rng, pass.first, nullptr, pass.places});
    }
    static void forward(const Packed& w, View<const InputScalar, In> x, View<T, Output> y, Cache& cache) {
        cache.h.resize(x.batch());
        Inner::forward(w.inner, x, cache.h.view(), cache.inner);
        kernel::gemm<T>(x.batch() * row_count<Hidden>, cache.h.data(), width, w.forward, y.data(), Vocab);
    }
    static void backward_params(const Packed& w, View<const InputScalar, In> x, View<const T, Output> /*y*/,
                                View<const T, Output> dy, Cache& cache, Params& grad) {
        const std::size_t rows = x.batch() * row_count<Hidden>;
        cache.dh.resize(x.batch());
        kernel::gemm<T>(rows, dy.data(), Vocab, w.backward, cache.dh.data(), width);
        kernel::gemm_weight_gradient<T>(rows, Vocab, width, dy.data(), Vocab, cache.h.data(), width, table(grad).data(),
                                        width, cache.operand_copies);
        Inner::backward_params(w.inner, x, View<const T, Hidden>{cache.h}, View<const T, Hidden>{cache.dh}, cache.inner,
                               grad);
    }

    // Some tokens at a time, see nn/step.hpp.
    static constexpr bool can_step = CanStep<Inner>;
    static constexpr Steps steps{.sharing = Sharing::custom, .composite = true};
    using State = typename Inner::State;
    struct Scratch {
        explicit Scratch(const Capacity& capacity) : inner{capacity}, h{capacity} {}
        typename Inner::Scratch inner;
        detail::Between<T, TokenRow<Hidden>, Inner::steps.sharing == Sharing::replicated> h;
    };
    static void step(const Packed& w, View<const InputScalar, TokenRow<In>> x, View<T, TokenRow<Output>> y,
                     State& state, Scratch& scratch, Step& at) {
        const auto h = scratch.h.view(at);
        Inner::step(w.inner, x, h, state, scratch.inner, at);
        at.sync();
        kernel::gemm<T>(at.worker, at.rows(), h.data(), width, w.forward, y.data(), Vocab);
        at.pending = Step::Pending::other_columns;
    }

private:
    static auto& table(auto& params) { return std::get<0>(params.items).token; }
};

/// `TiedHead<256, Embedding<267, 128>, Repeat<4, Block>, LayerNorm>`
template <std::size_t Vocab, class... Specs>
struct TiedHead {
    template <StaticShape In, std::floating_point T>
    using Bind = TiedHeadLayer<In, Vocab, T, Specs...>;
};

}  // namespace tessera::nn
