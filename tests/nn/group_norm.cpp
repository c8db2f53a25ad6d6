#include <tessera/nn/group_norm.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

#include <algorithm>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("GroupNorm keeps the contract") {
    CHECK(support::keeps_contract<GroupNorm<3>, Shape<3, 5, 6>>());
    CHECK(support::keeps_contract<GroupNorm<1>, Shape<4, 33>>());
    CHECK(support::keeps_contract<GroupNorm<16>, Shape<2, 2, 16>>());
}

TEST_CASE("GroupNorm: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<GroupNorm<3>, Shape<5, 4, 18>>("group_norm"));
}

TEST_CASE("GroupNorm: starts at weight 1 and bias 0, also over earlier values") {
    GroupNorm<3>::Bind<Shape<2, 2, 6>, float>::Params p;
    p.bias.fill(3.f);
    Rng rng{1};
    GroupNorm<3>::Bind<Shape<2, 2, 6>, float>::init(p, rng);
    CHECK(std::ranges::count(p.weight.span(), 1.f) == static_cast<std::ptrdiff_t>(p.weight.span().size()));
    CHECK(std::ranges::count(p.bias.span(), 0.f) == static_cast<std::ptrdiff_t>(p.bias.span().size()));
}
