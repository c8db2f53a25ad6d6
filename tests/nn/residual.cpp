#include <tessera/nn/residual.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/sigmoid.hpp>

#include <algorithm>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Residual keeps the contract, also where the last layer of the branch wants its own output") {
    CHECK(support::keeps_contract<Residual<LayerNorm, Linear<7>>, Shape<3, 7>>());
    CHECK(support::keeps_contract<Residual<Linear<5>, Sigmoid, Linear<7>, Sigmoid>, Shape<2, 7>>());
    CHECK(support::keeps_contract<Residual<Residual<Sigmoid>>, Shape<9>>());
}

TEST_CASE("Residual: y = x + f(x), bit for bit") {
    using Net = Residual<Linear<7>, Sigmoid>::Bind<Shape<7>, float>;
    using Branch = Chain<Shape<7>, Linear<7>, Sigmoid>;
    testing::detail::Rig<Net> net{3, 1, 1};
    testing::detail::Rig<Branch> branch{3, 1, 1};
    net.forward();
    branch.forward();
    for (std::size_t i = 0; i < net.x.span().size(); ++i) branch.y.data()[i] += net.x.data()[i];
    CHECK(std::ranges::equal(net.y.span(), branch.y.span()));
}
