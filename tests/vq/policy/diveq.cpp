#include <tessera/vq/policy/diveq.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/sim_vq.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace diveq_test {

using Spec = Codebook<codes, vq::Gradient, vq::DiVeQ>;

TEST_CASE("DiVeQ: keeps the contract of quantizers, with vectors of either kind") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Gradient, vq::DiVeQ>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::SimVq, vq::DiVeQ>, Shape<3, 4>>());
}

TEST_CASE_TEMPLATE("DiVeQ: without noise q is the vector, and both gradients are PyTorch's", T, float, double) {
    PolicyCase<Spec, T> c{{.noise = 0}};
    c.forward();
    c.backward();
    for (std::size_t m = 0; m < rows; ++m)
        for (std::size_t i = 0; i < width; ++i)
            CHECK(c.q.data()[m * width + i] == doctest::Approx(c.params.weight[c.tokens.data()[m] * width + i])
                                                   .epsilon(sizeof(T) == 4 ? 1e-5 : 1e-13));
    CHECK(differs<T>(twin::diveq_dz, c.dz.span()) == "");
    CHECK(differs<T>(twin::diveq_de, c.grad.weight.span()) == "");
}

TEST_CASE("DiVeQ: q is as far from z as the vector is, in nearly its direction, and other noise for each row") {
    PolicyCase<Spec, double> c{{.noise = 0.05}};
    c.forward();
    double last = 0;
    for (std::size_t m = 0; m < rows; ++m) {
        double error = 0, moved = 0, along = 0;
        for (std::size_t i = 0; i < width; ++i) {
            const double z = c.z.data()[m * width + i], d = c.params.weight[c.tokens.data()[m] * width + i] - z,
                         u = c.q.data()[m * width + i] - z;
            error += d * d;
            moved += u * u;
            along += d * u;
        }
        CHECK(moved == doctest::Approx(error).epsilon(1e-12));
        const double cosine = along / std::sqrt(error * moved);
        CHECK(cosine > 0.9);
        CHECK(cosine < 1);
        CHECK(cosine != last);
        last = cosine;
    }
}

TEST_CASE("DiVeQ: in evaluation q is the vector, bit for bit") {
    PolicyCase<Spec, float> c;
    c.forward(false);
    for (std::size_t m = 0; m < rows; ++m)
        for (std::size_t i = 0; i < width; ++i)
            CHECK(c.q.data()[m * width + i] == c.params.weight[c.tokens.data()[m] * width + i]);
}

TEST_CASE("DiVeQ: a row that is its vector has the whole gradient, and the vector none") {
    const std::vector<double> z{1, 2}, dq{3, -1};
    std::vector<double> q(2, 9), dz(2), de(2, 9);
    vq::DiVeQ::training_row<double>(2, z.data(), z.data(), Rng{1}, 0.1, q.data());
    CHECK(q == z);
    vq::DiVeQ::backward_row<double>(2, z.data(), z.data(), q.data(), dq.data(), dz.data(), de.data());
    CHECK(dz == dq);
    CHECK(de == std::vector<double>{0, 0});
}

TEST_CASE("DiVeQ: has no loss terms, and options of terms are refused") {
    PolicyCase<Spec, float> c;
    c.forward();
    CHECK(vq::count_terms<vq::Terms<PolicyCase<Spec, float>::Q>>() == 0);
    CHECK(vq::sum_terms(c.regularize()) == 0);
    const auto refused = [](CodebookOptions o) {
        return support::message<ArgumentError>([&] { check_options<PolicyCase<Spec, float>::Q>(o); });
    };
    CHECK(refused({}) == "");
    CHECK(refused({.commitment = 0.5f}) ==
          "Codebook: commitment: expected the default, because no policy of this codebook reads it, got 0.5");
    for (const float usual : {0.02f, 0.25f})  // of other codebooks: a value that is chosen is refused, whatever it is
        CHECK(refused({.commitment = usual}) != "");
    CHECK(refused({.codebook = 2}) ==
          "Codebook: codebook: expected the default, because no policy of this codebook reads it, got 2");
    CHECK(refused({.noise = -1}) == "Codebook: noise: expected a finite number >= 0, got -1");
    CHECK(refused({.noise = std::numeric_limits<double>::quiet_NaN()}) ==
          "Codebook: noise: expected a finite number >= 0, got nan");
}

}  // namespace diveq_test
