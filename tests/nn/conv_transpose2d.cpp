#include <tessera/nn/conv_transpose2d.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("ConvTranspose2d keeps the contract") {
    CHECK(support::keeps_contract<ConvTranspose2d<5, double4>, Shape<3, 4, 3>>());
    CHECK(support::keeps_contract<ConvTranspose2d<1, double4>, Shape<3, 3, 9>>());
    CHECK(support::keeps_contract<ConvTranspose2d<17, keep3>, Shape<4, 3, 2>>());
    CHECK(support::keeps_contract<ConvTranspose2d<9, Window{.size = 2, .stride = 3}, no_bias>, Shape<2, 3, 4>>());
}

TEST_CASE("ConvTranspose2d: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<ConvTranspose2d<5, double4>, Shape<4, 3, 9>>("conv_transpose2d_up2"));
    CHECK(support::matches_golden<ConvTranspose2d<9, Window{.size = 3, .stride = 2, .pad = 1}>, Shape<3, 5, 4>>(
        "conv_transpose2d_odd"));
    CHECK(support::matches_golden<ConvTranspose2d<1, double4>, Shape<3, 3, 16>>("conv_transpose2d_one"));
}
