#include <tessera/gpt/sample.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/tiny_gpt.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

using namespace tessera;

namespace {

using Model = Gpt<support::tiny_gpt>;
constexpr std::size_t context = support::tiny_gpt.context, vocab = support::tiny_gpt.vocab;

const Model& model() {
    static const Model m = support::moved_model<Model>({}, 0.6f);
    return m;
}
std::vector<Token> sampled(std::size_t count, const SampleOptions& options, std::uint64_t seed = 3) {
    Rng rng{seed};
    const auto tokens = sample(model(), count, options, rng);
    return {tokens.view().span().begin(), tokens.view().span().end()};
}
// The most probable token at each position, from whole sequences.
std::vector<Token> greedy() {
    std::vector<Token> tokens(context);
    for (std::size_t t = 0; t < context; ++t) {
        const auto logits = model().logits({tokens.data(), 1});
        const auto row = logits.span().subspan(t * vocab, vocab);
        tokens[t] = static_cast<Token>(std::ranges::max_element(row) - row.begin());
    }
    return tokens;
}
std::vector<std::size_t> draws(const std::vector<float>& logits, const SampleOptions& options, std::size_t count) {
    Rng rng{7};
    std::vector<std::size_t> counts(logits.size());
    std::vector<Token> order(logits.size());
    for (std::size_t i = 0; i < count; ++i) {
        auto x = logits;
        ++counts[draw_token<float>(x, options, order, rng)];
    }
    return counts;
}
double chi_square(const std::vector<std::size_t>& counts, const std::vector<double>& probabilities) {
    double total = 0, chi = 0;
    for (const std::size_t n : counts) total += static_cast<double>(n);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double expected = total * probabilities[i];
        if (expected == 0)
            chi += counts[i] == 0 ? 0 : 1e9;
        else
            chi += std::pow(static_cast<double>(counts[i]) - expected, 2) / expected;
    }
    return chi;
}

}  // namespace

TEST_CASE("sample: a sequence depends neither on how many are drawn nor on the number of threads") {
    const auto forty = sampled(40, {});
    for (const std::size_t count : {1u, 2u, 7u, 33u}) {
        const auto fewer = sampled(count, {});
        CHECK(std::equal(fewer.begin(), fewer.end(), forty.begin()));
    }
    CHECK(support::same_for_threads([] { return sampled(70, {.temperature = 0.8f, .top_k = 4, .top_p = 0.9}); }));
    CHECK(support::same_for_threads([] { return sampled(3, {}); }));  // a team
    const std::vector<Token> first(forty.begin(), forty.begin() + context),
        second(forty.begin() + context, forty.begin() + 2 * context);
    CHECK(first != second);
}

TEST_CASE("sample: advances the generator once per call") {
    Rng rng{3};
    const auto a = sample(model(), 5, {}, rng), b = sample(model(), 5, {}, rng);
    CHECK(!std::ranges::equal(a.view().span(), b.view().span()));
    Rng other{3};
    static_cast<void>(sample(model(), 1, {}, other));  // moves the generator
    const auto c = sample(model(), 5, {}, other);
    CHECK(std::ranges::equal(b.view().span(), c.view().span()));
}

TEST_CASE("sample: frozen weights give the same as the model") {
    Rng rng{3};
    const auto tokens = sample(model().freeze(), 9, {.top_k = 3}, rng);
    CHECK(std::ranges::equal(tokens.view().span(), sampled(9, {.top_k = 3})));
}

TEST_CASE("sample: a temperature near 0, one kept token and a tiny top_p all draw the most probable token") {
    std::vector<Token> expected;
    for (int n = 0; n < 3; ++n) {
        const auto g = greedy();
        expected.insert(expected.end(), g.begin(), g.end());
    }
    for (const float temperature : {1e-4f, 1e-20f, 1e-38f, std::numeric_limits<float>::denorm_min()})
        CHECK(sampled(3, {.temperature = temperature}) == expected);
    CHECK(sampled(3, {.top_k = 1}) == expected);
    CHECK(sampled(3, {.top_p = 1e-6f}) == expected);
}

TEST_CASE("sample: labels condition the sequences and are kept, and without labels the null class is used") {
    const std::vector<Label> zeros(20, Label{0}), ones(20, Label{1});
    Rng rng{3};
    const auto tokens = sample(model(), 20, {.labels = ones}, rng);
    CHECK(tokens.classes() == 3);
    CHECK(std::ranges::equal(tokens.labels(), ones));
    const auto of_zero = sampled(20, {.labels = zeros}), of_one = sampled(20, {.labels = ones});
    CHECK(of_zero != of_one);
    CHECK(of_zero != sampled(20, {}));
    std::vector<Label> mixed(20, Label{0});
    mixed[3] = Label{1};
    const auto of_mixed = sampled(20, {.labels = mixed});
    for (std::size_t n = 0; n < 20; ++n)
        CHECK(std::equal(&of_mixed[n * context], &of_mixed[n * context] + context,
                         &(n == 3 ? of_one : of_zero)[n * context]));
    CHECK(sampled(0, {}).empty());
}

TEST_CASE("sample: tokens are drawn with the probabilities of the model") {
    Rng rng{11};
    const auto tokens = sample(model(), 20000, {}, rng);
    const std::vector<Token> any(context);
    const auto logits = model().logits({any.data(), 1});
    std::vector<double> p(vocab);
    double sum = 0;
    for (std::size_t i = 0; i < vocab; ++i) sum += p[i] = std::exp(static_cast<double>(logits.data()[i]));
    for (double& v : p) v /= sum;
    std::vector<std::size_t> counts(vocab);
    for (std::size_t n = 0; n < tokens.size(); ++n) ++counts[tokens[n][0]];
    CHECK(chi_square(counts, p) < 30);  // 6 degrees of freedom: exceeded once in 25000
}

TEST_CASE("draw_token: the distribution is that of the options") {
    std::vector<float> logits;
    for (const double p : {0.4, 0.05, 0.3, 0.15, 0.1}) logits.push_back(static_cast<float>(std::log(p) + 3));
    CHECK(chi_square(draws(logits, {}, 20000), {0.4, 0.05, 0.3, 0.15, 0.1}) < 25);
    const double cold = 0.16 + 0.0025 + 0.09 + 0.0225 + 0.01;
    CHECK(chi_square(draws(logits, {.temperature = 0.5f}, 20000),
                     {0.16 / cold, 0.0025 / cold, 0.09 / cold, 0.0225 / cold, 0.01 / cold}) < 25);
    CHECK(chi_square(draws(logits, {.top_k = 2}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
    CHECK(chi_square(draws(logits, {.top_k = 9}, 20000), {0.4, 0.05, 0.3, 0.15, 0.1}) < 25);
    CHECK(chi_square(draws(logits, {.top_p = 0.8}, 20000), {0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85, 0}) < 25);
    // of the three largest, top_p counts their share: 0.4 / 0.85 < 0.6 <= 0.7 / 0.85
    CHECK(chi_square(draws(logits, {.top_k = 3, .top_p = 0.6}, 20000), {4. / 7, 0, 3. / 7, 0, 0}) < 25);
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
    CHECK(chi_square(draws(logits, {}, 40000), p) < 85);  // 42 degrees of freedom: exceeded once in 10000
    std::vector<Token> none;
    Rng rng{7};
    auto x = logits;
    CHECK(draw_token<float>(x, {}, none, rng) < 83);  // `order` is unused where all tokens are kept
}

TEST_CASE("draw_token: the smallest and the largest random number draw tokens with a positive weight") {
    std::vector<float> weights(50);
    weights[18] = 0.25f;
    weights[19] = 0.1f;
    weights[33] = 0.5f;
    weights[34] = 1e-3f;
    const detail::Draw<float> draw{weights};
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
    for (const SampleOptions& options : {SampleOptions{}, SampleOptions{.top_k = 2}, SampleOptions{.top_p = 0.5}})
        CHECK(support::message<NumericError>([&] {
                  draws({0, std::numeric_limits<float>::quiet_NaN(), 1}, options, 1);
              }) == "sample: logits: expected finite numbers, got NaN or infinity");
}

TEST_CASE("sample: a model with NaN in its weights is a NumericError") {
    auto broken = support::moved_model<Model>();
    std::get<3>(broken.params().net.items).weight[5] = std::numeric_limits<float>::quiet_NaN();
    Rng rng{1};
    CHECK_THROWS_AS(sample(broken, 40, {}, rng), NumericError);
}

TEST_CASE("sample: options out of range are refused, by name") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    const std::vector<Label> twelve{Label{0}, Label{12}}, one{Label{0}};
    const auto message = [](const SampleOptions& options) {
        return support::message<ArgumentError>([&] { sampled(2, options); });
    };
    CHECK(message({.temperature = 0}) == "sample: temperature: expected a finite number > 0, got 0.000000");
    CHECK(message({.temperature = -1}) == "sample: temperature: expected a finite number > 0, got -1.000000");
    CHECK(message({.temperature = nan}) == "sample: temperature: expected a finite number > 0, got nan");
    CHECK(message({.temperature = infinity}) == "sample: temperature: expected a finite number > 0, got inf");
    CHECK(message({.top_p = 0}) == "sample: top_p: expected a number in (0, 1], got 0.000000");
    CHECK(message({.top_p = 1.5}) == "sample: top_p: expected a number in (0, 1], got 1.500000");
    CHECK(message({.top_p = nan}) == "sample: top_p: expected a number in (0, 1], got nan");
    CHECK(message({.labels = twelve}) == "sample: label: expected less than 3, got 12");
    CHECK(message({.labels = one}) == "sample: labels: expected 2 (one per sequence) or none, got 1");
}
