#include <tessera/nn/exec/rounds.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/group_norm.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/testing/layer_check.hpp>

#include <algorithm>
#include <cstddef>

using namespace tessera;
using namespace tessera::nn;

namespace {

// In one net: rows of gathered maps, panels that two or three workers can share and panels that they cannot, a branch
// that adds x itself and one that does not, a layer without rounds, all kinds of transposed convolutions.
struct Net
    : Chain<Shape<11, 9, 1>, Conv2d<64, halve4>, Relu, Conv2d<96, keep3>,
            Residual<Relu, Conv2d<32, keep3>, Relu, Conv2d<96, keep1>>, Residual<Conv2d<96, keep1>, Relu>, GroupNorm<4>,
            ConvTranspose2d<40, double4>, Relu, ConvTranspose2d<20, double4>, ConvTranspose2d<3, double4>> {};

/// The net's output for `batch` samples, computed by a team; checks that rounds are counted in order.
Buffer<float> by_team(std::size_t members, std::size_t batch) {
    testing::BoundLayer<Net> net{batch};
    nn::begin<Net>(net.cache, {});
    resize_cache<Net>(net.cache, batch);
    kernel::run_team(members, rounds<Net>, [&](const kernel::Worker& me, std::size_t number) {
        forward_round<Net>(net.w, net.x, net.y.view(), net.cache, {me, number});
    });
    return {net.y.span().begin(), net.y.span().end()};
}
Buffer<float> alone(std::size_t batch) {
    testing::BoundLayer<Net> net{batch};
    net.forward();
    return {net.y.span().begin(), net.y.span().end()};
}

}  // namespace

TEST_CASE("rounds: a chain has the sum of those of its layers, any other layer has one") {
    CHECK(rounds<Net> == 9 + 1);
    CHECK(rounds<GroupNorm<4>::Bind<Shape<3, 3, 8>, float>> == 1);
    CHECK(rounds<Residual<Relu, Conv2d<4, keep3>>::Bind<Shape<3, 3, 4>, float>> == 2);
    CHECK(rounds<Residual<Conv2d<4, keep3>, Relu>::Bind<Shape<3, 3, 4>, float>> == 1);
}
TEST_CASE("rounds: any number of workers gives the bits of forward") {
    for (const std::size_t batch : {1u, 3u}) {
        const auto whole = alone(batch);
        for (const int threads : {1, 2, 3, 4})
            for (const std::size_t members : {1u, 2u, 3u, 4u, 7u})
                CHECK(support::with_threads(threads, [&] { return by_team(members, batch); }) == whole);
    }
}
