#include <tessera/nn/upsample.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Upsample keeps the contract") {
    CHECK(support::keeps_contract<Upsample<2>, Shape<3, 5, 9>>());
    CHECK(support::keeps_contract<Upsample<3>, Shape<2, 1, 33>>());
}

TEST_CASE("Upsample: values and gradients are those of PyTorch's nearest mode") {
    CHECK(support::matches_golden<Upsample<2>, Shape<3, 4, 9>>("upsample"));
}
