#include <tessera/gpt/draw_token.hpp>

#include <doctest/doctest.h>
#include <support/chi_square.hpp>
#include <support/message.hpp>
#include <tessera/core/fp_environment.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

using namespace tessera;

namespace {

std::vector<std::size_t> draws(const std::vector<float>& logits, const DrawOptions& options, std::size_t count) {
    Rng rng{7};
    std::vector<std::size_t> counts(logits.size());
    std::vector<Token> order(logits.size());
    for (std::size_t i = 0; i < count; ++i) {
        auto x = logits;
        ++counts[draw_token<float>(x, options, order, rng)];
    }
    return counts;
}
}  // namespace

TEST_CASE("draw_token: the distribution is that of the options") {
    std::vector<float> logits;
    for (const double p : {0.4, 0.05, 0.3, 0.15, 0.1}) logits.push_back(static_cast<float>(std::log(p) + 3));
    CHECK(support::chi_square(draws(logits, {}, 20000), {0.4, 0.05, 0.3, 0.15, 0.1}) < 25);
    const double cold = 0.16 + 0.0025 + 0.09 + 0.0225 + 0.01;
    CHECK(support::chi_square(draws(logits, {.temperature = 0.5f}, 20000),
                              {0.16 / cold, 0.0025 / cold, 0.09 / cold, 0.0225 / cold, 0.01 / cold}) < 25);
    CHECK(support::chi_square(draws(logits, {.top_k = 2}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
    CHECK(support::chi_square(draws(logits, {.top_k = 9}, 20000), {0.4, 0.05, 0.3, 0.15, 0.1}) < 25);
    CHECK(support::chi_square(draws(logits, {.top_p = 0.8}, 20000), {0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85, 0}) < 25);
    // of the three largest, top_p counts their share: 0.4 / 0.85 < 0.6 <= 0.7 / 0.85
    CHECK(support::chi_square(draws(logits, {.top_k = 3, .top_p = 0.6}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
}

TEST_CASE("draw_token: each of many tokens is drawn with its probability, at any index") {
    std::vector<float> logits(83, -std::numeric_limits<float>::infinity());
    std::vector<double> p(83);
    double sum = 0;
    for (std::size_t i = 0; i < 83; i += i == 20 ? 31 : 1) {  // two blocks of 16 and a part of a third without any
        if (i % 5 == 4) continue;
        p[i] = 1 + static_cast<double>(i % 7);
        sum += p[i];
        logits[i] = static_cast<float>(std::log(p[i]) - 40);
    }
    for (double& v : p) v /= sum;
    CHECK(support::chi_square(draws(logits, {}, 40000), p) < 85);  // 42 degrees of freedom: exceeded once in 10000
    std::vector<Token> none;
    Rng rng{7};
    auto x = logits;
    CHECK(draw_token<float>(x, {}, none, rng) < 83);  // `order` is unused where all tokens are kept
}

TEST_CASE("draw_token: where rounded sums leave a number past all weights, a token of weight 0 is not drawn") {
    const std::vector<double> weights{1, 0.5, 0, 0};
    const auto weight = [&](std::size_t i) { return weights[i]; };
    const auto index = [&](double at) { return detail::index_containing(at, weights.size(), weight); };
    CHECK((index(0) == 0 && index(0.99) == 0 && index(1) == 1 && index(1.49) == 1 && index(1.5) == 1 && index(2) == 1));
}

TEST_CASE("draw_token: the smallest and the largest random number draw tokens with a positive weight") {
    std::vector<float> weights(50);
    weights[18] = 0.25f;
    weights[19] = 0.1f;
    weights[33] = 0.5f;
    weights[34] = 1e-3f;
    const detail::WeightedDraw<float> draw{weights};
    CHECK(draw(0) == 18);
    CHECK(draw(0.2499 / draw.total()) == 18);
    CHECK(draw(0.2501 / draw.total()) == 19);
    CHECK(draw(0.36 / draw.total()) == 33);
    for (const double uniform : {std::nextafter(1.0, 0.0), 1.0}) CHECK(draw(uniform) == 34);
}

TEST_CASE("draw_token: a top_p close to zero draws the most probable token") {
    for (const float top_p : {1e-6f, std::numeric_limits<float>::denorm_min()}) {
        std::vector<float> logits{0, 1, 3, 2, -1};
        std::vector<Token> order(5);
        Rng rng{1};
        const FlushDenormals guard;
        CHECK(draw_token<float>(logits, {.top_p = top_p}, order, rng) == 2);
    }
}

TEST_CASE("draw_token: of equal logits top_k keeps the first, and minus infinity is never drawn") {
    const std::vector<float> equal(9, 1.5f);
    const auto counts = draws(equal, {.top_k = 3}, 3000);
    CHECK(counts[0] > 800);
    CHECK(counts[2] > 800);
    CHECK(counts[0] + counts[1] + counts[2] == 3000);
    std::vector<float> barred(5, 0.f);
    barred[0] = barred[4] = -std::numeric_limits<float>::infinity();
    const auto of_barred = draws(barred, {}, 3000);
    CHECK(of_barred[0] + of_barred[4] == 0);
}

TEST_CASE("draw_token: logits beyond the range of e^x, and NaN") {
    CHECK(draws({-3e38f, 3e38f, 0}, {.temperature = 0.1f}, 10)[1] == 10);
    CHECK(draws({-3e38f, 3e38f, 3e38f}, {.top_k = 2}, 1000)[0] == 0);
    for (const DrawOptions& options : {DrawOptions{}, DrawOptions{.top_k = 2}, DrawOptions{.top_p = 0.5}})
        CHECK(support::message<NumericError>([&] {
                  draws({0, std::numeric_limits<float>::quiet_NaN(), 1}, options, 1);
              }) == "draw_token: logits: expected finite numbers, got NaN or infinity");
}

TEST_CASE("draw_token: temperature 0 draws the first of the largest logits and no random number") {
    std::vector<Token> order(40);
    for (const std::size_t size : {1u, 5u, 8u, 17u, 40u}) {
        std::vector<float> logits(size, -2.f);
        const std::size_t best = size / 2;
        logits[best] = 1.25f;
        if (best + 1 < size) logits[best + 1] = 1.25f;
        if (best + 2 < size) logits[best + 2] = std::nextafter(1.25f, 0.f);
        Rng rng{1};
        CHECK(draw_token<float>(logits, {.temperature = 0, .top_k = 3, .top_p = 0.5}, order, rng) == best);
        CHECK(rng.position() == 0);
    }
    std::vector<float> nan{0, std::numeric_limits<float>::quiet_NaN(), 1};
    Rng rng{1};
    CHECK(support::message<NumericError>([&] {
              static_cast<void>(draw_token<float>(nan, {.temperature = 0}, order, rng));
          }) == "draw_token: logits: expected finite numbers, got NaN or infinity");
}

TEST_CASE("draw_token: an order of another size than the logits is refused where it is used") {
    for (const std::size_t size : {0u, 2u, 4u})
        for (const DrawOptions& options : {DrawOptions{.top_k = 2}, DrawOptions{.top_p = 0.5}}) {
            std::vector<float> logits{0, 1, 2};
            std::vector<Token> order(size);
            Rng rng{1};
            CHECK(support::message<ArgumentError>([&] {
                      static_cast<void>(draw_token<float>(logits, options, order, rng));
                  }) == "draw_token: order: expected 3, got " + std::to_string(size));
            CHECK(rng.position() == 0);
        }
}

TEST_CASE("draw_token: min_p keeps what is at least its share of the largest probability, then top_k and top_p") {
    std::vector<float> logits;
    for (const double p : {0.4, 0.05, 0.3, 0.15, 0.1}) logits.push_back(static_cast<float>(std::log(p) + 3));
    CHECK(support::chi_square(draws(logits, {.min_p = 0.3}, 20000), {0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85, 0}) < 25);
    CHECK(support::chi_square(draws(logits, {.min_p = 0.5}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
    CHECK(draws(logits, {.min_p = 1}, 100)[0] == 100);
    // at half the temperature the shares of the largest are squared: 1, 0.016, 0.56, 0.14, 0.06
    CHECK(support::chi_square(draws(logits, {.temperature = 0.5f, .min_p = 0.3}, 20000), {16. / 25, 0, 9. / 25, 0, 0}) <
          25);
    CHECK(support::chi_square(draws(logits, {.top_k = 4, .min_p = 0.5}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
    CHECK(support::chi_square(draws(logits, {.top_k = 2, .min_p = 0.3}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
    // top_p counts the share of what min_p kept: 0.7 / 0.85 < 0.83 <= 1
    CHECK(support::chi_square(draws(logits, {.top_p = 0.83, .min_p = 0.3}, 20000),
                              {0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85, 0}) < 25);
    CHECK(support::chi_square(draws(logits, {.top_p = 0.8, .min_p = 0.3}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
}

TEST_CASE("draw_token: the probability of what was drawn is that of the distribution") {
    std::vector<double> p{0.4, 0.05, 0.3, 0.15, 0.1};
    std::vector<float> logits;
    for (const double q : p) logits.push_back(static_cast<float>(std::log(q)));
    std::vector<Token> order(5);
    Rng rng{9};
    double worst = 0;
    for (int i = 0; i < 200; ++i) {
        auto x = logits;
        const auto all = detail::draw<float>(x, {}, order, rng);
        worst = std::fmax(worst, std::abs(all.probability - p[all.token]));
        x = logits;
        const auto cut = detail::draw<float>(x, {.top_k = 3}, order, rng);
        worst = std::fmax(worst, std::abs(cut.probability - p[cut.token] / 0.85));
    }
    CHECK(worst < 1e-6);
    CHECK(detail::draw<float>(logits, {.temperature = 0}, order, rng).probability == 1);
}
