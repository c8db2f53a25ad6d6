#include <tessera/testing/smooth_quantizer.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>

#include <cmath>
#include <cstddef>
#include <utility>

using namespace tessera;

namespace smooth_quantizer_test {

TEST_CASE("Smooth: keeps the contract, and its backward is the derivative of its forward") {
    CHECK(support::keeps_quantizer_contract<testing::Smooth, Shape<3, 4>>({.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<testing::Smooth, Shape<2, 2, 1>>({.batch = 2, .differentiable = true}));
}

TEST_CASE("Smooth: gain tanh(z) in training, plus or minus gain in evaluation") {
    using Q = testing::SmoothQuantizer<Shape<2, 2>, double>;
    Q::Params params;
    Empty none;
    Rng rng{1};
    Q::init(params, none, rng);
    Q::Packed w;
    Q::pack(params, none, {}, w);
    Tensor<double, Shape<2, 2>> z{1}, q{1};
    z.data()[2] = 0.5;
    Tensor<Token, Shape<2>> tokens{1};
    Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), none);
    CHECK(q.data()[2] == 0.7 * std::tanh(0.5));
    CHECK(q.data()[1] == 0);
    tokens.data()[0] = 1;
    tokens.data()[1] = no_token;
    Q::lookup(w, std::as_const(tokens), q.view(), none);
    CHECK(q.data()[0] == -0.7);
    CHECK(q.data()[3] == 0);
    Q::forward(w, {}, std::as_const(z), tokens.view(), q.view(), none);
    CHECK(tokens.data()[0] == 0);
    CHECK(q.data()[3] == 0.7);
}

}  // namespace smooth_quantizer_test
