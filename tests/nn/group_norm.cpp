#include <tessera/nn/group_norm.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

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
