#include <tessera/vq/policy/rotation_trick.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace rotation_trick_test {

TEST_CASE("RotationTrick: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::RotationTrick>, Shape<3, 3, 4>>());
}

TEST_CASE_TEMPLATE("RotationTrick: tokens and gradient are PyTorch's", T, float, double) {
    PolicyCase<Codebook<codes, vq::RotationTrick>, T> c;
    c.forward();
    c.backward();
    for (std::size_t m = 0; m < rows; ++m) CHECK(c.tokens.data()[m] == twin::tokens[m]);
    CHECK(differs<T>(twin::rotation_dz, c.dz.span()) == "");
}

TEST_CASE("RotationTrick: the scale |q| / |z| is part of the gradient, so that scale R z is q") {
    // dq = q: dz . z = (scale R z) . q = |q|^2
    const std::vector<double> z{0.3, -0.8, 0.5}, q{1.2, 0.4, -0.6};
    std::vector<double> dz(3);
    vq::RotationTrick::backward_row<double>(3, z.data(), q.data(), q.data(), q.data(), dz.data(), nullptr);
    double along = 0, square = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        along += dz[i] * z[i];
        square += q[i] * q[i];
    }
    CHECK(along == doctest::Approx(square).epsilon(1e-12));
}

TEST_CASE("RotationTrick: no rotation is defined at zero and for opposite directions: the gradient goes straight") {
    const std::vector<double> dq{0.5, -1, 2};
    const auto gradient = [&](const std::vector<double>& z, const std::vector<double>& q) {
        std::vector<double> dz(3, std::numeric_limits<double>::quiet_NaN());
        vq::RotationTrick::backward_row<double>(3, z.data(), q.data(), q.data(), dq.data(), dz.data(), nullptr);
        return dz;
    };
    CHECK(gradient({0, 0, 0}, {1, 2, 3}) == dq);
    CHECK(gradient({1, 2, 3}, {0, 0, 0}) == dq);
    CHECK(gradient({0, 0, 0}, {0, 0, 0}) == dq);
    CHECK(gradient({1, -2, 3}, {-2, 4, -6}) == dq);
    CHECK(gradient({1, -2, 3}, {1, -2, 3}) == dq);  // the identity
}

TEST_CASE("RotationTrick: an absent token has no gradient") {
    PolicyCase<Codebook<codes, vq::RotationTrick>, float> c;
    c.forward();
    c.tokens.data()[2] = no_token;
    std::ranges::fill(c.dz.span(), 9.f);
    c.backward();
    for (std::size_t i = 8; i < 12; ++i) CHECK(c.dz.data()[i] == 0);
}

}  // namespace rotation_trick_test
