#include <tessera/nn/repeat.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/sigmoid.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Repeat keeps the contract") {
    CHECK(support::keeps_contract<Repeat<3, Residual<LayerNorm, Linear<7>>, Sigmoid>, Shape<2, 7>>());
    CHECK(support::keeps_contract<Repeat<1, Linear<7>>, Shape<7>>());
}

TEST_CASE("Repeat: the copies have separate parameters, named by their number, then by position") {
    using Net = Repeat<2, Linear<7>, LayerNorm>::Bind<Shape<7>, float>;
    Net::Params p;
    Rng rng{1};
    Net::init(p, rng);
    std::vector<std::string> names;
    std::vector<float> first;
    Net::Params::each(
        [&](const ParamPath& path, const auto& leaf) {
            names.push_back(path.str());
            first.push_back(leaf[0]);
        },
        p);
    CHECK(names == std::vector<std::string>{"0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias", "1.0.weight",
                                            "1.0.bias", "1.1.weight", "1.1.bias"});
    CHECK(first[0] != first[4]);
}

TEST_CASE("Repeat: gives the bits of the copies written out") {
    using Net = Repeat<3, Linear<7>, Sigmoid>::Bind<Shape<7>, float>;
    using Flat = Chain<Shape<7>, Linear<7>, Sigmoid, Linear<7>, Sigmoid, Linear<7>, Sigmoid>;
    testing::BoundLayer<Net> net{3};
    testing::BoundLayer<Flat> flat{3};
    net.forward();
    flat.forward();
    net.backward();
    flat.backward();
    CHECK(support::equal_values(flat.y.span(), net.y.span()));
    CHECK(support::equal_values(flat.dx.span(), net.dx.span()));
    const auto& last = std::get<0>(net.grad.items[2].items);
    CHECK(support::equal_values(std::get<4>(flat.grad.items).weight.span(), last.weight.span()));
}

TEST_CASE("Repeat: each copy has separate random numbers") {
    using Net = Repeat<2, Dropout<Probability{.percent = 50}>>::Bind<Shape<256>, float>;
    Net::Cache cache;
    const Net::Packed w;
    Tensor<float, Shape<256>> x{1}, y{1};
    std::ranges::fill(x.span(), 1.f);
    Net::begin(cache, {.training = true, .rng = Rng{3}});
    Net::forward(w, std::as_const(x), y, cache);
    const auto passed = std::ranges::count_if(y.span(), [](float v) { return v != 0; });
    CHECK(passed > 32);
    CHECK(passed < 96);
}
