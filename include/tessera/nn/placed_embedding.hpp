#pragma once
// PlacedEmbedding: token embedding plus the embedding of a position that comes with each token, for sequences whose
// tokens are not in the order of their positions.
//
//     x[t] = place Vocab + token,   y[t] = token.weight[token] + position.weight[place]
//
// The layer takes tokens, so there is no dx. Every x must be below Vocab Places: the kernel does not check it, the
// caller does.
//
// Shapes   x [batch, tokens] of Token, y [batch, tokens x Width]
// Params   token Shape<Vocab, Width> "token.weight", position Shape<Places, Width> "position.weight"; both N(0, 1)
// Errors   static_assert where the input is not a Shape<tokens>, or a Token cannot count all pairs of token and place
// Cost     one addition per output element, backward two; nothing is cached

#include <tessera/core/token.hpp>
#include <tessera/kernel/placed_embedding.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/init.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::nn {

/// A Token can count all pairs of a token and a place.
template <std::size_t Vocab, std::size_t Places>
concept TokensCountPlaces = (Vocab > 0) && (Places > 0) && (Vocab <= no_token / (Places > 0 ? Places : 1));

template <StaticShape In, std::size_t Vocab, std::size_t Places, std::size_t Width, std::floating_point T>
struct PlacedEmbeddingLayer {
    static_assert(TokenSequence<In>, "PlacedEmbedding: the input must be Shape<tokens>");
    static_assert(TokensCountPlaces<Vocab, Places>,
                  "PlacedEmbedding: a Token must be able to count the vocabulary times the places");
    using Scalar = T;
    using InputScalar = Token;
    using Input = In;
    using Output = Shape<In::size, Width>;
    static constexpr std::string_view name = "PlacedEmbedding";
    static constexpr std::size_t vocab = Vocab * Places;
    static constexpr Steps steps{.sharing = Sharing::replicated};

    struct Params {
        Param<T, Shape<Vocab, Width>> token;
        Param<T, Shape<Places, Width>> position;

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
        kernel::placed_embedding_forward<T, Token>(x.span(), Width, p.token.span(), p.position.span(), y.span());
    }
    static void step(const Params& p, View<const Token, Shape<1>> x, View<T, Shape<Width>> y, const Step&) {
        kernel::placed_embedding_forward<T, Token>(x.span(), Width, p.token.span(), p.position.span(), y.span());
    }
    static void backward_params(const Params&, View<const Token, In> x, View<const T, Output> /*y*/,
                                View<const T, Output> dy, Cache&, Params& grad) {
        kernel::placed_embedding_backward<T, Token>(x.span(), Width, dy.span(), grad.token.span(),
                                                    grad.position.span());
    }
};

/// `Chain<Shape<98>, PlacedEmbedding<258, 50, 128>, Repeat<4, Block>>`
template <std::size_t Vocab, std::size_t Places, std::size_t Width>
struct PlacedEmbedding {
    template <StaticShape In, std::floating_point T>
    using Bind = PlacedEmbeddingLayer<In, Vocab, Places, Width, T>;
};

}  // namespace tessera::nn
