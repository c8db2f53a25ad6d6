#include <tessera/nn/reshape.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Reshape keeps the contract") {
    CHECK(support::keeps_contract<Reshape<15, 7>, Shape<5, 3, 7>>());
}
