#include <tessera/nn/residual.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/linear_gelu.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/sigmoid.hpp>

#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

template <class Spec>
std::vector<std::string> residual_weights() {
    using L = typename Spec::template Bind<Shape<3, 8>, float>;
    typename L::Params p;
    Rng rng{1};
    L::init(p, rng);
    std::vector<std::string> names;
    L::Params::each(
        [&](const ParamPath& path, const auto& leaf) {
            if (leaf.role() == Role::residual) names.push_back(path.str());
        },
        p);
    return names;
}

}  // namespace

TEST_CASE("Residual keeps the contract, also where the last layer of the branch reads its output in backward") {
    CHECK(support::keeps_contract<Residual<LayerNorm, Linear<7>>, Shape<3, 7>>());
    CHECK(support::keeps_contract<Residual<Linear<5>, Sigmoid, Linear<7>, Sigmoid>, Shape<2, 7>>());
    CHECK(support::keeps_contract<Residual<Residual<Sigmoid>>, Shape<9>>());
    CHECK(support::keeps_contract<Residual<Sigmoid>, Shape<70>>());  // more tokens than a panel has columns
}

TEST_CASE("Residual: y = x + f(x), bit for bit") {
    using Net = Residual<Linear<7>, Sigmoid>::Bind<Shape<7>, float>;
    using Branch = Chain<Shape<7>, Linear<7>, Sigmoid>;
    testing::BoundLayer<Net> net{3};
    testing::BoundLayer<Branch> branch{3};
    net.forward();
    branch.forward();
    for (std::size_t i = 0; i < net.x.span().size(); ++i) branch.y.data()[i] += net.x.data()[i];
    CHECK(support::equal_values(branch.y.span(), net.y.span()));
}

TEST_CASE("Residual: the weight that makes the output of its branch adds to the residual stream") {
    // also before a layer that is the identity outside training, in a group, and once in nested branches; not before an
    // activation, whether it is fused or not
    using Names = std::vector<std::string>;
    CHECK(residual_weights<Residual<LayerNorm, Linear<6>, Gelu, Linear<8>>>() == Names{"3.weight"});
    CHECK(residual_weights<Residual<Linear<8>, Dropout<Probability{.percent = 10}>>>() == Names{"0.weight"});
    CHECK(residual_weights<Residual<Seq<Linear<4>, Relu>, Seq<Linear<4>, Linear<8>>>>() == Names{"1.1.weight"});
    CHECK(residual_weights<Residual<Linear<8>, Residual<Linear<8>>>>() == Names{"1.0.weight"});
    CHECK(residual_weights<Residual<Repeat<3, Linear<8>>>>() == Names{"0.2.0.weight"});
    CHECK(residual_weights<Residual<Linear<8>, Gelu>>() == Names{});
    CHECK(residual_weights<Residual<Linear<8>, Seq<Gelu>>>() == Names{});
}
