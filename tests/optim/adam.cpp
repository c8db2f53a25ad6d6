#include <tessera/optim/adam.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <golden/optim.hpp>
#include <optim/two_leaves.hpp>

#include <tessera/optim/adamw.hpp>
#include <tessera/optim/optimizer.hpp>

#include <concepts>

namespace ts = tessera;

namespace {

template <class Optimizer, class T>
TwoLeaves<T> after_eight_steps(Optimizer optimizer, TwoLeaves<T> p) {
    for (std::size_t t = 0; t < 8; ++t) optimizer.update(p, gradient<T>(t));
    return p;
}

}  // namespace

TEST_CASE_TEMPLATE("Adam: eight steps are PyTorch's, without and with weight decay", T, float, double) {
    using A = ts::Adam<TwoLeaves<T>>;
    CHECK(distance(after_eight_steps(A{}, start<T>()), golden::adam_defaults) < tolerance<T>);
    CHECK(distance(after_eight_steps(A{{.lr = 0.05, .weight_decay = 0.07}}, start<T>()), golden::adam_decay) <
          tolerance<T>);
}

TEST_CASE("Adam: has the bits of AdamW without decay") {
    const auto a = after_eight_steps(ts::Adam<TwoLeaves<float>>{{.lr = 0.02}}, start<float>());
    const auto w = after_eight_steps(ts::AdamW<TwoLeaves<float>>{{.lr = 0.02, .weight_decay = 0}}, start<float>());
    CHECK(support::equal_values(w.weight.span(), a.weight.span()));
    CHECK(support::equal_values(w.bias.span(), a.bias.span()));
}

TEST_CASE("Adam: can be constructed from a model, and its errors name Adam") {
    const TwoLeavesModel model;
    ts::Adam adam{model, {.lr = 2e-4f}};
    static_assert(std::same_as<decltype(adam), ts::Adam<TwoLeaves<float>>>);
    static_assert(ts::Optimizer<decltype(adam), TwoLeaves<float>>);
    CHECK(adam.options().weight_decay == 0);
    CHECK_THROWS_WITH_AS((ts::Adam{model, {.beta2 = 1.5}}), "Adam: beta2: expected a number in [0, 1), got 1.5",
                         ts::ArgumentError);
}
