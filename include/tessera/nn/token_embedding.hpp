#pragma once
// TokenEmbedding: token embedding without positions, torch.nn.Embedding; for nets whose attention is rotary.
//
//     y[t] = weight[x[t]],   dweight[x[t]] += dy[t]
//
// The layer takes tokens, so there is no dx. Every token must be below Vocab: the kernel does not check it, the caller
// does.
//
// Shapes   x [batch, tokens] of Token, y [batch, tokens x Width]
// Params   token Shape<Vocab, Width> "weight", N(0, 1)
// Errors   static_assert where the input is not a Shape<tokens>, or the vocabulary is empty or larger than a Token can
//          count
// Cost     one copy per output element, backward one addition; nothing is cached

#include <tessera/core/token.hpp>
#include <tessera/kernel/embedding.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

template <StaticShape In, std::size_t Vocab, std::size_t Width, std::floating_point T>
struct TokenEmbeddingLayer {
    static_assert(TokenSequence<In>, "TokenEmbedding: the input must be Shape<tokens>");
    static_assert(Vocab > 0 && Vocab <= no_token, "TokenEmbedding: a Token must be able to count the vocabulary");
    using Scalar = T;
    using InputScalar = Token;
    using Input = In;
    using Output = Shape<In::size, Width>;
    static constexpr std::string_view name = "TokenEmbedding";
    static constexpr std::size_t vocab = Vocab;
    static constexpr Steps steps{.sharing = Sharing::replicated};

    struct Params {
        Param<T, Shape<Vocab, Width>> token;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("weight", p.token...);
        }
    };
    using Cache = Empty;

    static void init(Params& p, Rng& rng) {
        nn::normal(p.token, 1.f, rng);
        p.token.set_role(Role::weight);
    }
    static void forward(const Params& p, View<const Token, In> x, View<T, Output> y, Cache&) {
        kernel::embedding_forward<T, Token>(x.span(), Width, p.token.span(), y.span());
    }
    static void step(const Params& p, View<const Token, Shape<1>> x, View<T, Shape<Width>> y, const Step&) {
        kernel::embedding_forward<T, Token>(x.span(), Width, p.token.span(), y.span());
    }
    static void backward_params(const Params&, View<const Token, In> x, View<const T, Output> /*y*/,
                                View<const T, Output> dy, Cache&, Params& grad) {
        kernel::embedding_backward<T, Token>(x.span(), Width, dy.span(), grad.token.span());
    }
};

/// `Chain<Shape<49>, TokenEmbedding<257, 128>, Repeat<4, Block>>`
template <std::size_t Vocab, std::size_t Width>
struct TokenEmbedding {
    template <StaticShape In, std::floating_point T>
    using Bind = TokenEmbeddingLayer<In, Vocab, Width, T>;
};

}  // namespace tessera::nn
