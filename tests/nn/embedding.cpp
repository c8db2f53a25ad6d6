#include <tessera/nn/embedding.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Embedding keeps the contract") {
    CHECK(support::keeps_contract<Embedding<11, 9>, Shape<5>>());
}

TEST_CASE("Embedding: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<Embedding<13, 9>, Shape<7>>("embedding"));
}
