#include <tessera/nn/reshape.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Reshape keeps the contract") { CHECK(support::keeps_contract<Reshape<15, 7>, Shape<5, 3, 7>>()); }

TEST_CASE("Reshape: the elements keep their order") {
    testing::BoundLayer<Reshape<6, 2>::Bind<Shape<3, 4>, float>> net{2};
    net.forward();
    net.backward();
    CHECK(support::equal_values(net.x.span(), net.y.span()));
    CHECK(support::equal_values(net.dy.span(), net.dx.span()));
}
