#include <tessera/nn/conv_relu.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/same_nets.hpp>

#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>

#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;
using support::fused_like_unfused;

TEST_CASE("Conv2d + Relu: the bits of the two separate layers, gathered taps and others, with and without bias") {
    CHECK(fused_like_unfused<Conv2d<33, keep3>, Relu, Shape<5, 7, 1>>() == "");
    CHECK(fused_like_unfused<Conv2d<5, halve4>, Relu, Shape<8, 6, 3>>() == "");
    CHECK(fused_like_unfused<Conv2d<17, halve4, no_bias>, Relu, Shape<6, 4, 9>>() == "");
}

TEST_CASE("ConvTranspose2d + Relu: the bits of the two separate layers, few output channels and many") {
    CHECK(fused_like_unfused<ConvTranspose2d<33, double4>, Relu, Shape<3, 4, 9>>() == "");
    CHECK(fused_like_unfused<ConvTranspose2d<3, double4, no_bias>, Relu, Shape<4, 3, 2>>() == "");
}

TEST_CASE("Convolution + Relu: parameters keep the names of the convolution") {
    const std::vector<std::string> names{"0.weight", "0.bias", "2.weight", "2.bias"};
    using Net = Chain<Shape<8, 8, 1>, Conv2d<4, halve4>, Relu, ConvTranspose2d<2, double4>, Relu>;
    using Apart = Chain<Shape<8, 8, 1>, Conv2d<4, halve4>, Seq<Relu>, ConvTranspose2d<2, double4>, Seq<Relu>>;
    CHECK(support::names_of(Net::Params{}) == names);
    CHECK(support::names_of(Apart::Params{}) == names);
}

TEST_CASE("Convolution + Relu keeps the contract") {
    CHECK(support::keeps_contract<FusedPair<Conv2d<5, halve4>, Relu>, Shape<6, 4, 3>>());
    CHECK(support::keeps_contract<FusedPair<ConvTranspose2d<3, double4>, Relu>, Shape<3, 2, 5>>());
}
