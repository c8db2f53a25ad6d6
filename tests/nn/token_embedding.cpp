#include <tessera/nn/token_embedding.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/golden.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("TokenEmbedding keeps the contract") { CHECK(support::keeps_contract<TokenEmbedding<11, 9>, Shape<5>>()); }

TEST_CASE("TokenEmbedding: values and gradients are those of PyTorch's Embedding") {
    CHECK(support::matches_golden<TokenEmbedding<13, 9>, Shape<7>>("token_embedding"));
}

TEST_CASE("TokenEmbedding: one table, named as in PyTorch, that starts at N(0, 1)") {
    using Layer = TokenEmbedding<100, 50>::Bind<Shape<20>, float>;
    Layer::Params p;
    Rng rng{1};
    Layer::init(p, rng);
    CHECK(support::names_of(p) == std::vector<std::string>{"weight"});
    double squares = 0;
    for (const double v : p.token.span()) squares += v * v / 5000;
    CHECK(std::abs(squares - 1) < 0.06);
    CHECK(p.token.role() == Role::weight);
}
