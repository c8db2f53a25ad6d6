#include <tessera/nn/layer_norm.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("LayerNorm keeps the contract") {
    CHECK(support::keeps_contract<LayerNorm, Shape<3, 33>>());
    CHECK(support::keeps_contract<LayerNorm, Shape<2, 2, 8>>());
}

TEST_CASE("LayerNorm: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<LayerNorm, Shape<5, 33>>("layer_norm"));
}
