#include <tessera/nn/transfer.hpp>

#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/group_norm.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/residual.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

template <std::size_t N>
struct Resized : Chain<Shape<N, N, 1>, Conv2d<8, halve4>, Relu, Repeat<2, Residual<Conv2d<8, keep3>, GroupNorm<2>>>,
                       ConvTranspose2d<1, double4>> {};

}  // namespace

TEST_CASE("transfer: the net for a larger image gets the same weights in the same order") {
    using Small = Resized<16>;
    using Large = Resized<32>;
    Rng rng{1};
    typename Small::Params small;
    typename Large::Params large;
    Small::init(small, rng);
    transfer(small, large);

    std::vector<float> a, b;
    Small::Params::each([&](const ParamPath&, const auto& p) { a.insert(a.end(), p.span().begin(), p.span().end()); },
                        small);
    Large::Params::each([&](const ParamPath&, const auto& p) { b.insert(b.end(), p.span().begin(), p.span().end()); },
                        large);
    CHECK(a == b);
    CHECK(std::ranges::any_of(b, [](float v) { return v != 0; }));
}
