#include <tessera/nn/placed_embedding.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/golden.hpp>

#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("PlacedEmbedding keeps the contract") {
    CHECK(support::keeps_contract<PlacedEmbedding<11, 5, 9>, Shape<5>>());
    CHECK(support::keeps_contract<PlacedEmbedding<3, 7, 16>, Shape<6>>());
}

TEST_CASE("PlacedEmbedding: values and gradients are those of two of PyTorch's Embeddings") {
    CHECK(support::matches_golden<PlacedEmbedding<5, 3, 9>, Shape<7>>("placed_embedding"));
}

TEST_CASE("PlacedEmbedding: an element is the row of its token plus the row of its place") {
    using Layer = PlacedEmbedding<3, 4, 2>::Bind<Shape<2>, float>;
    Layer::Params p;
    Rng rng{1};
    Layer::init(p, rng);
    CHECK(support::names_of(p) == std::vector<std::string>{"token.weight", "position.weight"});
    CHECK(p.token.role() == Role::weight);
    CHECK(p.position.role() == Role::weight);
    const std::vector<Token> x{2 + 3 * 1, 0 + 3 * 3};
    Tensor<float, Shape<2, 2>> y{1};
    Layer::Cache cache;
    Layer::forward(p, View<const Token, Shape<2>>{x.data(), 1}, y.view(), cache);
    for (std::size_t c = 0; c < 2; ++c) {
        CHECK(y.span()[c] == p.token[2 * 2 + c] + p.position[1 * 2 + c]);
        CHECK(y.span()[2 + c] == p.token[0 * 2 + c] + p.position[3 * 2 + c]);
    }
}
