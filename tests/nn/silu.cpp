#include <tessera/nn/silu.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Silu keeps the contract") { CHECK(support::keeps_contract<Silu, Shape<5, 3, 7>>()); }

TEST_CASE("Silu: values and gradients are those of PyTorch's SiLU") {
    CHECK(support::matches_golden<Silu, Shape<5, 33>>("silu"));
}
