#include <tessera/nn/reshape.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>

#include <algorithm>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Reshape keeps the contract") { CHECK(support::keeps_contract<Reshape<15, 7>, Shape<5, 3, 7>>()); }

TEST_CASE("Reshape: the numbers keep their order") {
    testing::detail::Rig<Reshape<6, 2>::Bind<Shape<3, 4>, float>> rig{2, 1, 1};
    rig.forward();
    rig.backward();
    CHECK(std::ranges::equal(rig.x.span(), rig.y.span()));
    CHECK(std::ranges::equal(rig.dy.span(), rig.dx.span()));
}
