#include <tessera/vq/policy/space_filling_diveq.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace space_filling_diveq_test {

using Spec = Codebook<codes, vq::Gradient, vq::SpaceFillingDiVeQ>;

TEST_CASE("SpaceFillingDiVeQ: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Gradient, vq::SpaceFillingDiVeQ>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Codebook<2, vq::Gradient, vq::SpaceFillingDiVeQ>, Shape<2, 3>>());
}

TEST_CASE_TEMPLATE("SpaceFillingDiVeQ: without noise q is the nearest point of this step on the segments", T, float,
                   double) {
    PolicyCase<Spec, T> c{{.noise = 0}};
    c.forward();
    const auto& share = c.cache.estimator.share;
    for (std::size_t m = 0; m < rows; ++m) {
        const auto point = [&](std::size_t k, std::size_t i) {
            const double a = static_cast<double>(c.params.weight[k * width + i]),
                         b = static_cast<double>(c.params.weight[(k + 1) * width + i]);
            return a + static_cast<double>(share[k]) * (b - a);
        };
        const auto distance = [&](std::size_t k) {
            double sum = 0;
            for (std::size_t i = 0; i < width; ++i)
                sum += std::pow(static_cast<double>(c.z.data()[m * width + i]) - point(k, i), 2);
            return sum;
        };
        const std::size_t chosen = c.tokens.data()[m];
        REQUIRE(chosen + 1 < codes);
        for (std::size_t k = 0; k + 1 < codes; ++k) CHECK(distance(chosen) <= distance(k) * (1 + 1e-5));
        for (std::size_t i = 0; i < width; ++i)
            CHECK(static_cast<double>(c.q.data()[m * width + i]) ==
                  doctest::Approx(point(chosen, i)).epsilon(sizeof(T) == 4 ? 1e-4 : 1e-12));
    }
}

TEST_CASE("SpaceFillingDiVeQ: the gradient is that of the two lengths, with constant directions") {
    PolicyCase<Spec, double> c{{.noise = 0.02}};
    c.forward();
    c.backward();
    // dz + the gradients of both ends is dq, and the gradient of an end is along (e - z)
    double all[width]{}, z_sum[width]{}, q_sum[width]{};
    for (std::size_t i = 0; i < codes * width; ++i) all[i % width] += c.grad.weight[i];
    for (std::size_t i = 0; i < rows * width; ++i) {
        z_sum[i % width] += c.dz.data()[i];
        q_sum[i % width] += c.dq.data()[i];
    }
    for (std::size_t i = 0; i < width; ++i) CHECK(all[i] + z_sum[i] == doctest::Approx(q_sum[i]).epsilon(1e-12));
    // by differences: sum(dq q) with the directions u and the shares of the first pass
    const auto before = c.q;
    const auto unit = [&](std::size_t m, std::size_t end, Rng rng) {
        std::vector<double> u(width);
        double length = 0;
        for (std::size_t i = 0; i < width; ++i) {
            u[i] = 0.02 * static_cast<double>(rng.normal()) + c.params.weight[(c.tokens.data()[m] + end) * width + i] -
                   c.z.data()[m * width + i];
            length += u[i] * u[i];
        }
        for (double& v : u) v /= std::sqrt(length);
        return u;
    };
    std::vector<std::vector<double>> first, second;
    for (std::size_t m = 0; m < rows; ++m) {
        const Rng rng = c.cache.estimator.noise.split(m);
        first.push_back(unit(m, 0, rng.split(0)));
        second.push_back(unit(m, 1, rng.split(1)));
    }
    const auto loss = [&] {
        double sum = 0;
        for (std::size_t m = 0; m < rows; ++m) {
            double lengths[2]{};
            const std::size_t k = c.tokens.data()[m];
            for (std::size_t end = 0; end < 2; ++end) {
                for (std::size_t i = 0; i < width; ++i)
                    lengths[end] += std::pow(c.params.weight[(k + end) * width + i] - c.z.data()[m * width + i], 2);
                lengths[end] = std::sqrt(lengths[end]);
            }
            const double share = c.cache.estimator.share[k];
            for (std::size_t i = 0; i < width; ++i)
                sum +=
                    c.dq.data()[m * width + i] * (c.z.data()[m * width + i] + (1 - share) * lengths[0] * first[m][i] +
                                                  share * lengths[1] * second[m][i]);
        }
        return sum;
    };
    double q_loss = 0;
    for (std::size_t i = 0; i < rows * width; ++i) q_loss += c.dq.data()[i] * before.data()[i];
    CHECK(loss() == doctest::Approx(q_loss).epsilon(1e-12));
    const auto compare = [&](double& x, double gradient) {
        const double value = x, step = 1e-6;
        x = value + step;
        const double above = loss();
        x = value - step;
        const double below = loss();
        x = value;
        CHECK(gradient == doctest::Approx((above - below) / (2 * step)).epsilon(1e-6).scale(1));
    };
    for (std::size_t i = 0; i < rows * width; ++i) compare(c.z.data()[i], c.dz.data()[i]);
    for (std::size_t i = 0; i < codes * width; ++i) compare(c.params.weight[i], c.grad.weight[i]);
}

TEST_CASE("SpaceFillingDiVeQ: all rows of a step share the points, and another step has others") {
    PolicyCase<Spec, float> c;
    c.forward();
    const auto share = c.cache.estimator.share;
    PolicyCase<Spec, float>::Q::forward(c.w, {.training = true, .rng = Rng{7}.split(1), .first = 5}, std::as_const(c.z),
                                        c.tokens.view(), c.q.view(), c.cache);
    CHECK(support::equal_values(share, c.cache.estimator.share));
    PolicyCase<Spec, float>::Q::forward(c.w, {.training = true, .rng = Rng{7}.split(2)}, std::as_const(c.z),
                                        c.tokens.view(), c.q.view(), c.cache);
    CHECK(!std::ranges::equal(share, c.cache.estimator.share));
}

TEST_CASE("SpaceFillingDiVeQ: k-means' vectors are arranged as a path of nearest neighbours") {
    std::vector<double> e{0, 10, 2, 11, 1};
    vq::SpaceFillingDiVeQ::order<double>(5, 1, e.data());
    CHECK(e == std::vector<double>{0, 1, 2, 10, 11});
}

TEST_CASE("SpaceFillingDiVeQ: trains, and every vector is used without revival") {
    using Vae = VqVae<support::TinyEncoder<float>, Codebook<8, vq::Gradient, vq::SpaceFillingDiVeQ>,
                      support::TinyDecoder<float>>;
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2, .weight_decay = 0}}};
    const auto x = support::batch_of<float>(support::bars(48, 1));
    const double first = trainer.step(x).loss;
    double last = first;
    for (int i = 0; i < 80; ++i) last = trainer.step(x).loss;
    CHECK(last < 0.8 * first);
    CHECK(vae.evaluate(support::bars(48, 1)).usage == 1);
}

}  // namespace space_filling_diveq_test
