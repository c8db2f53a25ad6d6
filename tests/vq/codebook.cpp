#include <tessera/vq/codebook.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;

namespace codebook_test {

namespace {

using In = Shape<3, 3, 4>;

// A codebook of 6 vectors of 4 numbers with everything that a call needs, and 5 samples of z.
template <class T>
struct Bound {
    using Q = CodebookQuantizer<In, 6, T>;
    Empty params, grad;
    typename Q::Buffers buffers;
    typename Q::Packed w;
    typename Q::Cache cache;
    CodebookOptions options;
    Tensor<T, In> z{5}, q{5}, dq{5}, dz{5};
    Tensor<Token, Shape<9>> tokens{5};

    explicit Bound(CodebookOptions o = {}) : options{o} {
        Rng rng{1};
        Q::init(params, buffers, rng);
        Q::pack(params, buffers, options, w);
        std::ranges::copy(support::numbers<T>(z.span().size(), 2), z.data());
        std::ranges::copy(support::numbers<T>(z.span().size(), 3), dq.data());
        Q::forward(w, {}, std::as_const(z), tokens.view(), q.view(), cache);
    }
};

}  // namespace

TEST_CASE("Codebook: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Codebook<1>, Shape<5, 2>>({.batch = 3}));
    CHECK(support::keeps_quantizer_contract<Codebook<70>, Shape<2, 7>>({.batch = 9, .seed = 4}));
}

TEST_CASE_TEMPLATE("Codebook: every row becomes its nearest vector", T, float, double) {
    const Bound<T> b;
    for (std::size_t m = 0; m < 45; ++m) {
        const auto distance = [&](std::size_t k) {
            double sum = 0;
            for (std::size_t i = 0; i < 4; ++i)
                sum += std::pow(static_cast<double>(b.z.data()[m * 4 + i]) -
                                    static_cast<double>(b.buffers.book.weight[k * 4 + i]),
                                2);
            return sum;
        };
        const std::size_t chosen = b.tokens.data()[m];
        for (std::size_t k = 0; k < 6; ++k) CHECK(distance(chosen) <= distance(k) * (1 + 1e-5));
        CHECK(support::equal_values(std::span{b.buffers.book.weight.data() + chosen * 4, 4},
                                    std::span{b.q.data() + m * 4, 4}));
    }
}

TEST_CASE_TEMPLATE("Codebook: the gradient goes straight through, and the commitment adds 2 beta (z - q) / elements", T,
                   float, double) {
    Bound<T> b{{.commitment = 0.5f}};
    using Q = typename Bound<T>::Q;
    b.tokens.data()[3] = no_token;
    std::fill_n(b.q.data() + 12, 4, T(0));
    Q::backward(b.w, std::as_const(b.z), std::as_const(b.tokens), std::as_const(b.q), std::as_const(b.dq), b.dz.view(),
                b.cache, b.grad);
    for (std::size_t i = 0; i < b.dz.span().size(); ++i)
        REQUIRE(b.dz.data()[i] == (i / 4 == 3 ? T(0) : b.dq.data()[i]));
    const double divisor = 7;
    const auto terms = Q::regularize(b.w, std::as_const(b.z), std::as_const(b.tokens), std::as_const(b.q), b.dz.view(),
                                     b.cache, b.grad, divisor);
    double sum = 0, worst = 0;
    for (std::size_t i = 0; i < b.dz.span().size(); ++i) {
        if (i / 4 == 3) {
            CHECK(b.dz.data()[i] == 0);
            continue;
        }
        const double d = static_cast<double>(b.z.data()[i]) - static_cast<double>(b.q.data()[i]);
        sum += 0.5 * d * d / 36;
        const double expected = static_cast<double>(b.dq.data()[i]) + 2 * 0.5 * d / (36 * divisor);
        worst = support::larger(worst, std::abs(expected - static_cast<double>(b.dz.data()[i])));
    }
    CHECK(worst < (sizeof(T) == 4 ? 1e-6 : 1e-15));
    CHECK(terms.commitment == doctest::Approx(sum).epsilon(1e-6));
}

TEST_CASE("Codebook: observe counts rows, and draws candidates only where revival is on") {
    for (const bool revives : {false, true}) {
        Bound<float> b{{.revive = {.below = revives ? 0.1f : 0.f}}};
        using Q = Bound<float>::Q;
        Q::Statistics statistics;
        Q::observe(b.w, std::as_const(b.z), std::as_const(b.tokens), BatchPart::whole(5), Rng{1}, b.cache, statistics);
        float rows = 0, present = 0;
        for (const float n : statistics.n.span()) rows += n;
        for (const float p : statistics.present.span()) present += p;
        CHECK(rows == 45);
        CHECK(present == (revives ? 6 : 0));
    }
}

TEST_CASE("Codebook: update is the moving average and then the revival") {
    Bound<float> b{{.ema = {.decay = 0.5}, .revive = {.below = 0.5}}};
    using Q = Bound<float>::Q;
    std::ranges::fill(b.tokens.span(), Token{2});  // the counts of all others decay
    Q::Statistics statistics;
    Q::observe(b.w, std::as_const(b.z), std::as_const(b.tokens), BatchPart::whole(5), Rng{1}, b.cache, statistics);
    auto expected = b.buffers.book;
    ema_update(expected, statistics, b.options.ema);
    const std::size_t moved = revive(expected, statistics, b.options.revive);
    CHECK(moved == 5);
    Q::update(b.params, b.buffers, statistics, b.options);
    CHECK(support::hash_bits(b.buffers.book) == support::hash_bits(expected));
}

TEST_CASE("Codebook: frozen, it neither averages nor revives, and draws no candidates") {
    Bound<float> b{{.ema = {.decay = 0.5}, .revive = {.below = 0.5}, .freeze = true}};
    using Q = Bound<float>::Q;
    const auto before = b.buffers.book;
    Q::Statistics statistics;
    Q::observe(b.w, std::as_const(b.z), std::as_const(b.tokens), BatchPart::whole(5), Rng{1}, b.cache, statistics);
    for (const float p : statistics.present.span()) CHECK(p == 0);
    Q::update(b.params, b.buffers, statistics, b.options);
    CHECK(support::hash_bits(b.buffers.book) == support::hash_bits(before));
}

TEST_CASE("Codebook: is initialised from rows, and not where k-means is off") {
    using Q = Bound<float>::Q;
    for (const bool on : {false, true}) {
        Bound<float> b{{.kmeans = on}};
        const auto before = b.buffers.book;
        auto expected = before;
        kmeans(expected, std::as_const(b.z).span(), Rng{4});
        Q::initialize_from_data(b.params, b.buffers, std::as_const(b.z), b.options, Rng{4});
        CHECK(support::hash_bits(b.buffers.book) == support::hash_bits(on ? expected : before));
    }
}

TEST_CASE("Codebook: a row that is NaN, or has no nearest vector, is a NumericError; encode_rows leaves no_token") {
    using Q = Bound<float>::Q;
    Bound<float> b;
    b.z.data()[30] = std::numeric_limits<float>::quiet_NaN();
    CHECK(support::message<NumericError>([&] {
              Q::forward(b.w, {.first = 2}, std::as_const(b.z), b.tokens.view(), b.q.view(), b.cache);
          }) == "VqVae: encoder output 102: expected a finite number, got nan");
    Q::encode_rows(b.w, std::as_const(b.z), b.tokens.view(), 6, 9);
    CHECK(b.tokens.data()[7] == no_token);
    CHECK(b.tokens.data()[6] < 6);
    CHECK(b.tokens.data()[8] < 6);
}

TEST_CASE("Codebook: settings are names and numbers that can be read back") {
    using Q = Bound<float>::Q;
    CHECK(settings_of<Q>({.commitment = 0.1f, .ema = {.decay = 0.95}, .kmeans = false}) ==
          std::vector<Setting>{{"commitment", "0.1"},
                               {"ema.decay", "0.95"},
                               {"ema.eps", "1e-05"},
                               {"revive.below", "0.1"},
                               {"revive.grace", "20"},
                               {"revive.least_recently_used", "false"},
                               {"revive.rate", "0.01"},
                               {"kmeans", "false"}});
    CHECK(settings_of<Q>({}).back() == Setting{"kmeans", "true"});
}

TEST_CASE("Codebook: options out of range are refused by name") {
    const auto refused = [](CodebookOptions options) {
        return support::message<ArgumentError>([&] { check_options<Bound<float>::Q>(options); });
    };
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    CHECK(refused({}) == "");
    CHECK(refused({.commitment = 0, .ema = {.decay = 0, .eps = 0}, .revive = {.below = 1}}) == "");
    CHECK(refused({.commitment = nan}) == "Codebook: commitment: expected a finite number >= 0, got nan");
    CHECK(refused({.commitment = -1}) == "Codebook: commitment: expected a finite number >= 0, got -1");
    CHECK(refused({.ema = {.decay = 1}}) == "Codebook: ema.decay: expected a number in [0, 1), got 1");
    CHECK(refused({.ema = {.decay = nan}}) == "Codebook: ema.decay: expected a number in [0, 1), got nan");
    CHECK(refused({.ema = {.eps = -1e-5}}) == "Codebook: ema.eps: expected a finite number >= 0, got -1e-05");
    CHECK(refused({.ema = {.eps = infinity}}) == "Codebook: ema.eps: expected a finite number >= 0, got inf");
    CHECK(refused({.revive = {.below = 1.5}}) == "Codebook: revive.below: expected a number in [0, 1], got 1.5");
    CHECK(refused({.revive = {.rate = -1}}) == "Codebook: revive.rate: expected a number in [0, 1], got -1");
    CHECK(refused({.codebook = 2}) ==
          "Codebook: codebook: expected the default, because no policy of this codebook reads it, got 2");
    CHECK(refused({.orthogonal = 2}) ==
          "Codebook: orthogonal: expected the default, because no policy of this codebook reads it, got 2");
    CHECK(refused({.noise = 0.5}) ==
          "Codebook: noise: expected the default, because no policy of this codebook reads it, got 0.5");
    CHECK(refused({.freeze = true}) == "");
    CHECK(refused({.revive = {.below = nan}}) == "Codebook: revive.below: expected a number in [0, 1], got nan");
}

}  // namespace codebook_test
