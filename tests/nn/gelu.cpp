#include <tessera/nn/gelu.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Gelu keeps the contract") { CHECK(support::keeps_contract<Gelu, Shape<5, 3, 7>>()); }

TEST_CASE("Gelu: values and gradients are those of PyTorch's GELU of the tanh form") {
    CHECK(support::matches_golden<Gelu, Shape<5, 33>>("gelu"));
}
