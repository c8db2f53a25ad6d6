#include <tessera/nn/linear.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Linear keeps the contract") {
    CHECK(support::keeps_contract<Linear<1>, Shape<1>>());
    CHECK(support::keeps_contract<Linear<33>, Shape<3, 7>>());
    CHECK(support::keeps_contract<Linear<9, no_bias>, Shape<2, 2, 17>>());
}

TEST_CASE("Linear: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<Linear<33>, Shape<5, 19>>("linear"));
    CHECK(support::matches_golden<Linear<16, no_bias>, Shape<8>>("linear_no_bias"));
}
