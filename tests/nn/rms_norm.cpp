#include <tessera/nn/rms_norm.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

#include <algorithm>
#include <type_traits>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("RmsNorm keeps the contract") {
    CHECK(support::keeps_contract<RmsNorm, Shape<3, 33>>());
    CHECK(support::keeps_contract<RmsNorm, Shape<2, 2, 8>>());
}

TEST_CASE("RmsNorm: values and gradients are those of PyTorch, also with another epsilon") {
    CHECK(support::matches_golden<RmsNorm, Shape<5, 33>>("rms_norm"));
    CHECK(support::matches_golden<RmsNormWith<Epsilon{.exponent = -1}>, Shape<5, 33>>("rms_norm_epsilon"));
}

TEST_CASE("RmsNorm: starts at weight 1 with the role of a gain, also over earlier values") {
    using Layer = RmsNorm::Bind<Shape<3, 33>, float>;
    Layer::Params p;
    p.weight.fill(3.f);
    Rng rng{1};
    Layer::init(p, rng);
    CHECK(std::ranges::count(p.weight.span(), 1.f) == 33);
    CHECK(p.weight.role() == Role::gain);
}

TEST_CASE("RmsNorm: epsilon is the power of ten, in float and in double") {
    static_assert(Epsilon{}.value<float>() == 1e-5f && Epsilon{}.value<double>() == 1e-5);
    static_assert(Epsilon{.exponent = -6}.value<float>() == 1e-6f && Epsilon{.exponent = -20}.value<double>() == 1e-20);
    static_assert(RmsNorm::Bind<Shape<4>, double>::eps == 1e-5);
    CHECK(RmsNormWith<Epsilon{.exponent = -8}>::Bind<Shape<4>, float>::eps == 1e-8f);
}
