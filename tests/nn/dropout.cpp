#include <tessera/nn/dropout.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Dropout keeps the contract") {
    CHECK(support::keeps_contract<Dropout<Probability{.percent = 25}>, Shape<5, 33>>());
    CHECK(support::keeps_contract<Dropout<Probability{}>, Shape<7>>());
}
