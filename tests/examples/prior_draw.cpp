// How `digits --complete` infers the class of a picture: from the tokens that are known, and half from those of which
// a part is.

#include <support/prior_draw.hpp>

#include <tessera/gpt/any_order_gpt.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/sequence_nats.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <support/tiny_gpt.hpp>

using namespace digits;

namespace {

constexpr ts::GptConfig config{.vocab = 7, .context = 6, .width = 8, .heads = 2, .layers = 2, .classes = 3};
constexpr std::size_t context = config.context;
using Raster = ts::Gpt<config>;
using Any = ts::AnyOrderGpt<config>;

const std::vector<ts::Token> picture{3, 1, 4, 1, 5, 2};
const std::vector<Known> upper{Known::all, Known::all, Known::part, Known::part, Known::nothing, Known::nothing};
const std::vector<Known> rows_only{Known::all,     Known::all,     Known::nothing,
                                   Known::nothing, Known::nothing, Known::nothing};
const std::vector<Known> rows_and_parts{Known::all, Known::all, Known::all, Known::all, Known::nothing, Known::nothing};

template <class Prior>
std::vector<double> nats(const Prior& prior, const std::vector<Known>& known) {
    Completion given;
    given.known = known;
    given.class_names = {"a", "b", "c"};
    return nats_of_classes(prior.freeze(), picture, given);
}

}  // namespace

TEST_CASE("prior_draw: in raster order, what is known before the first unknown token counts") {
    const auto prior = support::moved_model<Raster>();
    const auto got = nats(prior, rows_only);
    REQUIRE(got.size() == 3);
    for (std::uint32_t c = 0; c < 3; ++c) {
        const std::vector<ts::Label> label{ts::Label{c}};
        CHECK(got[c] == ts::sequence_nats(prior.freeze(), {picture.data(), 1}, label, 2)[0]);
    }
}

TEST_CASE("prior_draw: in raster order, tokens of which a part is known count half") {
    const auto prior = support::moved_model<Raster>();
    const auto got = nats(prior, upper), without = nats(prior, rows_only), with = nats(prior, rows_and_parts);
    for (std::size_t c = 0; c < 3; ++c) CHECK(got[c] == doctest::Approx((without[c] + with[c]) / 2));
}

TEST_CASE("prior_draw: in any order, the mean over eight orders, where those of which a part is known count half") {
    const auto prior = support::moved_model<Any>();
    const auto frozen = prior.freeze();
    const auto got = nats(prior, upper);
    for (std::uint32_t c = 0; c < 3; ++c) {
        double expected = 0;
        for (std::uint64_t k = 0; k < 8; ++k) {
            const auto order = random_order(upper, ts::Rng{k});
            const std::vector<ts::Label> label{ts::Label{c}};
            const auto logits = frozen.logits({picture.data(), 1}, {order.data(), 1}, label);
            for (std::size_t i = 0; i < 4; ++i) {
                const auto row = logits[0].subspan(i * config.vocab, config.vocab);
                double sum = 0;
                for (const float x : row) sum += std::exp(static_cast<double>(x));
                const double token = std::log(sum) - static_cast<double>(row[picture[order[i]]]);
                expected += token * (i < 2 ? 1 : 0.5) / 8;
            }
        }
        CHECK(got[c] == doctest::Approx(expected).epsilon(1e-5));
    }
}

TEST_CASE("prior_draw: a random order has known tokens first, then those of which a part is known") {
    std::vector<std::vector<std::uint32_t>> orders;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        const auto order = random_order(upper, ts::Rng{seed});
        auto sorted = order;
        std::ranges::sort(sorted);
        std::vector<std::uint32_t> every(context);
        std::iota(every.begin(), every.end(), 0u);
        CHECK(sorted == every);
        CHECK(std::is_sorted(order.begin(), order.end(), [](auto a, auto b) { return a / 2 < b / 2; }));
        orders.push_back(order);
    }
    std::ranges::sort(orders);
    CHECK(std::unique(orders.begin(), orders.end()) - orders.begin() >= 4);  // of eight possible ones
}

TEST_CASE_TEMPLATE("prior_draw: the likeliest class is that of the smallest sum", Prior, Raster, Any) {
    const auto prior = support::moved_model<Prior>();
    const auto frozen = prior.freeze();
    Completion given;
    given.known = upper;
    given.class_names = {"a", "b", "c"};
    given.names = {"first.png"};
    given.repeats = 2;
    std::vector<ts::Token> tokens = picture;
    tokens.insert(tokens.end(), picture.begin(), picture.end());
    const auto labels = likeliest_classes(frozen, {tokens.data(), 2}, given);
    const auto each = nats_of_classes(frozen, picture, given);
    const auto best = static_cast<std::uint32_t>(std::ranges::min_element(each) - each.begin());
    REQUIRE(labels.size() == 2);
    CHECK(labels[0].index == best);
    CHECK(labels[1].index == best);
}
