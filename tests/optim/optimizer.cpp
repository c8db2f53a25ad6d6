#include <tessera/optim/optimizer.hpp>

#include <doctest/doctest.h>

#include <optim/two_leaves.hpp>

namespace ts = tessera;

namespace {

struct Descent {
    float lr;
    template <ts::Parameters P>
    void update(P& params, const P& grad) const {
        P::each(
            [&](const ts::ParamPath&, auto& p, const auto& g) {
                for (std::size_t i = 0; i < p.span().size(); ++i) p[i] -= lr * g[i];
            },
            params, grad);
    }
};
struct ChangesGradient {
    void update(TwoLeaves<float>&, TwoLeaves<float>&) {}
};
struct Other {
    void step(TwoLeaves<float>&, const TwoLeaves<float>&) {}
};

}  // namespace

TEST_CASE("Optimizer: a user's rule is an optimiser, without a base class") {
    static_assert(ts::Optimizer<Descent, TwoLeaves<float>>);
    static_assert(!ts::Optimizer<Descent, int>);
    static_assert(!ts::Optimizer<ChangesGradient, TwoLeaves<float>>);
    static_assert(!ts::Optimizer<Other, TwoLeaves<float>>);
    auto p = start<float>();
    const float before = p.weight[1];
    Descent{.lr = 2}.update(p, gradient<float>(0));
    CHECK(p.weight[1] == before - 2 * gradient<float>(0).weight[1]);
}
