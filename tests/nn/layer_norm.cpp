#include <tessera/nn/layer_norm.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

#include <algorithm>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("LayerNorm keeps the contract") {
    CHECK(support::keeps_contract<LayerNorm, Shape<3, 33>>());
    CHECK(support::keeps_contract<LayerNorm, Shape<2, 2, 8>>());
    CHECK(support::keeps_contract<LayerNormWith<no_bias>, Shape<3, 33>>());
}

TEST_CASE("LayerNorm: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<LayerNorm, Shape<5, 33>>("layer_norm"));
    CHECK(support::matches_golden<LayerNormWith<no_bias>, Shape<5, 33>>("layer_norm_no_bias"));
}

TEST_CASE("LayerNorm: starts at weight 1 and bias 0, also over earlier values") {
    LayerNorm::Bind<Shape<3, 33>, float>::Params p;
    p.bias.fill(3.f);
    Rng rng{1};
    LayerNorm::Bind<Shape<3, 33>, float>::init(p, rng);
    CHECK(std::ranges::count(p.weight.span(), 1.f) == static_cast<std::ptrdiff_t>(p.weight.span().size()));
    CHECK(std::ranges::count(p.bias.span(), 0.f) == static_cast<std::ptrdiff_t>(p.bias.span().size()));
}
