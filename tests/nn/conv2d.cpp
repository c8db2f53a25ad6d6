#include <tessera/nn/conv2d.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Conv2d keeps the contract") {
    CHECK(support::keeps_contract<Conv2d<5, keep3>, Shape<4, 5, 3>>());
    CHECK(support::keeps_contract<Conv2d<33, halve4>, Shape<6, 8, 2>>());
    CHECK(support::keeps_contract<Conv2d<7, keep1, no_bias>, Shape<3, 3, 9>>());
    CHECK(support::keeps_contract<Conv2d<3, Window{.size = 3, .stride = 3, .pad = 2}>, Shape<5, 4, 1>>());
    CHECK(support::keeps_contract<Conv2d<2, Window{.size = 2, .stride = 3}>, Shape<7, 6, 2>>());
}

TEST_CASE("Conv2d: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<Conv2d<33, keep3>, Shape<5, 6, 3>>("conv2d_same3"));
    CHECK(support::matches_golden<Conv2d<17, halve4>, Shape<8, 10, 3>>("conv2d_down2"));
    CHECK(support::matches_golden<Conv2d<9, keep1>, Shape<5, 3, 16>>("conv2d_pointwise"));
    CHECK(
        support::matches_golden<Conv2d<8, Window{.size = 3, .stride = 2}, no_bias>, Shape<9, 7, 1>>("conv2d_no_bias"));
}
