#include <tessera/nn/tanh.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Tanh keeps the contract") { CHECK(support::keeps_contract<Tanh, Shape<5, 3, 7>>()); }

TEST_CASE("Tanh: values and gradients are those of PyTorch's Tanh") {
    CHECK(support::matches_golden<Tanh, Shape<5, 33>>("tanh"));
}
