#include <tessera/nn/relu.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Relu keeps the contract") {
    CHECK(support::keeps_contract<Relu, Shape<1>>());
    CHECK(support::keeps_contract<Relu, Shape<5, 3, 7>>());
}

TEST_CASE("Relu: values and gradients are those of PyTorch's ReLU") {
    CHECK(support::matches_golden<Relu, Shape<5, 33>>("relu"));
}
