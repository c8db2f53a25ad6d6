#include <tessera/nn/chain.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>
#include <support/same_nets.hpp>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/sigmoid.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

using namespace tessera;
using namespace tessera::nn;
using support::difference_of_nets;

namespace {

template <class L>
std::vector<std::string> names() {
    std::vector<std::string> all;
    const typename L::Params params;
    L::Params::each([&](const ParamPath& path, const auto&) { all.push_back(path.str()); }, params);
    return all;
}

}  // namespace

TEST_CASE("Chain: each layer binds to the output shape of the layer before it") {
    using Net = Chain<Shape<8, 8, 1>, Conv2d<4, halve4>, Relu, Reshape<16, 4>, Linear<6>>;
    CHECK(std::is_same_v<Net::Output, Shape<16, 6>>);
    CHECK(std::is_same_v<Chain<Net::Output, LayerNorm>::Output, Shape<16, 6>>);
}

TEST_CASE("Chain: parameters are named by the position of their layer, also in a nested chain and a fused pair") {
    using Net = Chain<Shape<8>, Linear<6>, Gelu, Seq<LayerNorm, Linear<4, no_bias>>, Linear<2>>;
    CHECK(names<Net>() ==
          std::vector<std::string>{"0.weight", "0.bias", "2.0.weight", "2.0.bias", "2.1.weight", "3.weight", "3.bias"});
}

TEST_CASE("Chain keeps the contract") {
    CHECK(support::keeps_contract<Seq<Linear<9>, LayerNorm, Sigmoid, Dropout<Probability{.percent = 30}>, Linear<3>>,
                                  Shape<2, 7>>());
    CHECK(support::keeps_contract<Seq<Conv2d<3, halve4>, Relu, ConvTranspose2d<2, double4>, Relu>, Shape<6, 4, 2>>());
    CHECK(support::keeps_contract<Seq<Linear<9>, Gelu, Linear<5>, Gelu>, Shape<3, 7>>());
}

TEST_CASE("Chain: where the first layer takes tokens, so does the chain") {
    CHECK(support::keeps_contract<Seq<Embedding<11, 6>, LayerNorm, Linear<5>>, Shape<4>>());
}

TEST_CASE("Chain: joined neighbours give the bits of the two apart") {
    CHECK(difference_of_nets<Chain<Shape<5, 19>, Linear<33>, Gelu>, Chain<Shape<5, 19>, Linear<33>, Seq<Gelu>>>() ==
          "");
    CHECK(difference_of_nets<Chain<Shape<8, 6, 3>, Conv2d<17, halve4>, Relu>,
                             Chain<Shape<8, 6, 3>, Conv2d<17, halve4>, Seq<Relu>>>() == "");
    CHECK(difference_of_nets<Chain<Shape<4, 3, 9>, ConvTranspose2d<17, double4>, Relu>,
                             Chain<Shape<4, 3, 9>, ConvTranspose2d<17, double4>, Seq<Relu>>>() == "");
    CHECK(difference_of_nets<Chain<Shape<4, 3, 9>, ConvTranspose2d<1, double4>, Relu>,
                             Chain<Shape<4, 3, 9>, ConvTranspose2d<1, double4>, Seq<Relu>>>() == "");
}

TEST_CASE("Chain: a nested chain gives the bits of the flat one") {
    CHECK(difference_of_nets<Chain<Shape<3, 7>, Linear<9>, LayerNorm, Linear<2>>,
                             Chain<Shape<3, 7>, Seq<Linear<9>, LayerNorm>, Seq<Linear<2>>>>() == "");
}

TEST_CASE("Chain: each layer has separate random numbers") {
    using Half = Dropout<Probability{.percent = 50}>;
    using Net = Chain<Shape<256>, Half, Half>;
    Net::Cache cache;
    const Net::Packed w;
    Tensor<float, Shape<256>> x{1}, y{1};
    std::ranges::fill(x.span(), 1.f);
    Net::begin(cache, {.training = true, .rng = Rng{3}});
    Net::forward(w, std::as_const(x), y, cache);
    // The same mask twice would let one half pass; two different masks let one quarter pass.
    const auto passed = std::ranges::count_if(y.span(), [](float v) { return v != 0; });
    CHECK(passed > 32);
    CHECK(passed < 96);
}

TEST_CASE("Chain: values and gradients of an encoder are those of PyTorch's Sequential") {
    CHECK(support::matches_golden<Seq<Conv2d<8, halve4>, Relu, Conv2d<16, halve4>, Relu,
                                      Residual<Relu, Conv2d<8, keep3>, Relu, Conv2d<16, keep1>>, Conv2d<4, keep1>>,
                                  Shape<12, 12, 1>>("chain"));
}

TEST_CASE("Chain: values and gradients of a transformer block are those of PyTorch") {
    CHECK(support::matches_golden<
          Seq<Residual<LayerNorm, CausalAttention<2>>, Residual<LayerNorm, Linear<48>, Gelu, Linear<16>>>,
          Shape<9, 16>>("block"));
}
