#include <tessera/nn/avg_pool2d.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("AvgPool2d keeps the contract") {
    CHECK(support::keeps_contract<AvgPool2d<halve2>, Shape<6, 4, 9>>());
    CHECK(support::keeps_contract<AvgPool2d<keep3>, Shape<5, 4, 17>>());
    CHECK(support::keeps_contract<AvgPool2d<Window{.size = 2, .stride = 3}>, Shape<7, 5, 3>>());
}

TEST_CASE("AvgPool2d: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<AvgPool2d<Window{.size = 3, .stride = 2, .pad = 1}>, Shape<5, 4, 17>>("avg_pool2d"));
}
