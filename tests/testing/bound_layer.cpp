#include <tessera/testing/bound_layer.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/linear.hpp>

#include <algorithm>
#include <cmath>

using namespace tessera;

namespace {

using Layer = nn::Linear<2>::Bind<Shape<3>, float>;

}  // namespace

TEST_CASE("BoundLayer: one seed gives the same layer and batch, another seed another one") {
    const testing::BoundLayer<Layer> a{4}, b{4}, c{4, {.seed = 2}};
    CHECK(support::equal_values(a.x.span(), b.x.span()));
    CHECK(support::equal_values(a.params.weight.span(), b.params.weight.span()));
    CHECK(!std::ranges::equal(a.params.weight.span(), c.params.weight.span()));
}

TEST_CASE("BoundLayer: forward fills y, backward fills dx and adds to grad, and pack takes changed parameters") {
    testing::BoundLayer<Layer> net{4};
    net.params.weight.fill(0);
    net.params.bias.fill(3);
    net.pack();
    net.forward();
    CHECK(std::ranges::all_of(net.y.span(), [](float v) { return v == 3; }));
    net.backward();
    CHECK(std::ranges::all_of(net.dx.span(), [](float v) { return v == 0; }));
    const float once = net.grad.bias[0];
    CHECK(once != 0);
    net.forward();
    net.backward_params();
    CHECK(net.grad.bias[0] == doctest::Approx(2 * once));
}

TEST_CASE("BoundLayer: tokens are below the vocabulary of the layer, or below the given one") {
    using Tokens = nn::Embedding<11, 6>::Bind<Shape<40>, float>;
    const testing::BoundLayer<Tokens> all{4}, few{4, {.vocab = 3}};
    CHECK(std::ranges::max(all.x.span()) == 10);
    CHECK(std::ranges::max(few.x.span()) == 2);
    CHECK(all.dx.span().empty());
}
