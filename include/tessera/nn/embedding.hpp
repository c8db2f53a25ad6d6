#pragma once
// Embedding: token embedding plus learned positional embedding, the first layer of a prior.
//
//     y[t] = token.weight[x[t]] + position.weight[t]
//
// The layer takes tokens, so there is no dx. Every token must be below Vocab: the kernel does not check it, the caller
// does.
//
// Shapes   x [batch, tokens] of Token, y [batch, tokens x Width]
// Params   token Shape<Vocab, Width> "token.weight", position Shape<tokens, Width> "position.weight";
//          both N(0, 1), as torch.nn.Embedding
// Errors   static_assert where the input is not a Shape<tokens>, or the vocabulary is empty or larger than a Token can
//          count
// Cost     one addition per output element, backward two; nothing is cached

#include <tessera/core/token.hpp>
#include <tessera/kernel/embedding.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

/// A Shape<tokens>: one token per position.
template <class S>
concept TokenSequence = StaticShape<S> &&(S::rank == 1);

template <StaticShape In, std::size_t Vocab, std::size_t Width, std::floating_point T>
struct EmbeddingLayer {
    static_assert(TokenSequence<In>, "Embedding: the input must be Shape<tokens>");
    static_assert(Vocab > 0 && Vocab <= no_token, "Embedding: a Token must be able to count the vocabulary");
    using Scalar = T;
    using InputScalar = Token;
    using Input = In;
    using Output = Shape<In::size, Width>;
    static constexpr std::string_view name = "Embedding";
    static constexpr std::size_t vocab = Vocab;
    static constexpr Steps steps{.sharing = Sharing::replicated};

    struct Params {
        Param<T, Shape<Vocab, Width>> token;
        Param<T, Output> position;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            with_prefix("token", f)("weight", p.token...);
            with_prefix("position", f)("weight", p.position...);
        }
    };
    using Cache = Empty;

    static void init(Params& p, Rng& rng) {
        nn::normal(p.token, 1.f, rng);
        nn::normal(p.position, 1.f, rng);
        p.token.set_role(Role::weight);
        p.position.set_role(Role::weight);
    }
    static void forward(const Params& p, View<const Token, In> x, View<T, Output> y, Cache&) {
        kernel::embedding_forward<T, Token>(x.span(), Width, p.token.span(), p.position.span(), y.span());
    }
    static void step(const Params& p, View<const Token, Shape<1>> x, View<T, Shape<Width>> y, const Step& at) {
        const auto places = p.position.span().subspan(at.position * Width, at.tokens * Width);
        kernel::embedding_forward<T, Token>(x.span(), Width, p.token.span(), places, y.span());
    }
    static void backward_params(const Params&, View<const Token, In> x, View<const T, Output> /*y*/,
                                View<const T, Output> dy, Cache&, Params& grad) {
        kernel::embedding_backward<T, Token>(x.span(), Width, dy.span(), grad.token.span(), grad.position.span());
    }
};

/// `Chain<Shape<49>, Embedding<257, 128>, Repeat<4, Block>>`
template <std::size_t Vocab, std::size_t Width>
struct Embedding {
    template <StaticShape In, std::floating_point T>
    using Bind = EmbeddingLayer<In, Vocab, Width, T>;
};

}  // namespace tessera::nn
