#include <tessera/nn/sigmoid.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Sigmoid keeps the contract") { CHECK(support::keeps_contract<Sigmoid, Shape<5, 3, 7>>()); }

TEST_CASE("Sigmoid: values and gradients are those of PyTorch's Sigmoid") {
    CHECK(support::matches_golden<Sigmoid, Shape<5, 33>>("sigmoid"));
}
