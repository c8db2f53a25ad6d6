#include <tessera/nn/linear_gelu.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/same_nets.hpp>

#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>

#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;
using support::fused_like_unfused;

TEST_CASE("Linear + Gelu: the bits of the two separate layers, for rows and widths with a remainder of a vector") {
    CHECK(fused_like_unfused<Linear<33>, Gelu, Shape<5, 19>>() == "");
    CHECK(fused_like_unfused<Linear<1>, Gelu, Shape<1, 7>>(1) == "");
    CHECK(fused_like_unfused<Linear<17, no_bias>, Gelu, Shape<29, 3>>() == "");
}

TEST_CASE("Linear + Gelu: parameters keep the names of the linear layer") {
    const std::vector<std::string> names{"0.weight", "0.bias", "2.weight"};
    CHECK(support::names_of(Chain<Shape<8>, Linear<6>, Gelu, Linear<4, no_bias>, Gelu>::Params{}) == names);
    CHECK(support::names_of(Chain<Shape<8>, Linear<6>, Seq<Gelu>, Linear<4, no_bias>, Seq<Gelu>>::Params{}) == names);
}

TEST_CASE("Linear + Gelu keeps the contract") {
    CHECK(support::keeps_contract<FusedPair<Linear<33, no_bias>, Gelu>, Shape<31, 5>>());
}
