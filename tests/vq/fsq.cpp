#include <tessera/vq/fsq.hpp>

#include <doctest/doctest.h>
#include <golden/fsq.hpp>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace tessera;

namespace fsq_test {

namespace {

template <class Spec, class T, std::size_t Width>
using Bound = typename Spec::template Bind<Shape<Width>, T>;

// The bound of the head comment in double, as an independent implementation.
template <FsqBound B>
struct Twin {
    static constexpr bool symmetric = B != FsqBound::tanh;
    static constexpr double gain = B == FsqBound::scaled_sigmoid ? 0.8 : 1;
    double levels;
    double half() const { return (levels - 1) * (1 - 1e-3) / 2; }
    double offset() const { return static_cast<int>(levels) % 2 == 0 ? 0.5 : 0; }
    double lowest() const { return symmetric ? 0 : std::floor(levels / 2); }
    double u(double z) const {
        if (B == FsqBound::scaled_sigmoid) return (levels - 1) / (1 + std::exp(-1.6 * z));
        if (symmetric) return (levels - 1) * (std::tanh(z) + 1) / 2;
        return half() * std::tanh(z + std::atanh(offset() / half())) - offset();
    }
    /// A z with u(z) = u, or close to the end of the range where there is none.
    double inverse(double u) const {
        const double t = symmetric ? 2 * u / (levels - 1) - 1 : (u + offset()) / half();
        const double z = std::atanh(std::clamp(t, -0.9999, 0.9999)) / gain;
        return symmetric ? z : z - std::atanh(offset() / half());
    }
    double step() const { return symmetric ? 2 / (levels - 1) : 1 / std::floor(levels / 2); }
    double value(double digit) const { return symmetric ? 2 * digit / (levels - 1) - 1 : (digit - lowest()) * step(); }
    double digit(double q) const { return std::round(symmetric ? (q + 1) / step() : q / step() + lowest()); }
};

/// For every token: its q, a z that is quantised to it, and the token again.
template <class Spec, FsqBound B, std::size_t... L>
void round_trip() {
    constexpr std::size_t width = sizeof...(L);
    using Q = Bound<Spec, float, width>;
    constexpr std::array<double, width> levels{static_cast<double>(L)...};
    static_assert(Q::codes == (L * ... * 1));
    typename Q::Packed w;
    typename Q::Cache cache;
    Q::pack({}, {}, {}, w);
    Tensor<Token, Shape<1>> tokens{Q::codes}, again{Q::codes};
    for (std::size_t k = 0; k < Q::codes; ++k) tokens.data()[k] = static_cast<Token>(k);
    Tensor<float, Shape<width>> q{Q::codes}, z{Q::codes}, q_again{Q::codes};
    Q::lookup(w, std::as_const(tokens), q.view(), cache);
    std::set<std::vector<float>> distinct;
    support::Mismatch wrong;
    for (std::size_t k = 0; k < Q::codes; ++k) {
        distinct.insert({q[k].begin(), q[k].end()});
        std::size_t rest = k;
        for (std::size_t i = 0; i < width; ++i) {
            const Twin<B> twin{levels[i]};
            const double value = static_cast<double>(q[k][i]), digit = static_cast<double>(rest % std::array{L...}[i]);
            rest /= std::array{L...}[i];
            wrong.require(std::abs(value - twin.value(digit)) < 1e-6, "value of token ", k, ", dimension ", i);
            wrong.compare(digit, twin.digit(value), "digit of token ", k, ", dimension ", i);
            const bool even = static_cast<int>(levels[i]) % 2 == 0;
            wrong.require(value >= -1 && value <= (even && B == FsqBound::tanh ? 1 - 2 / levels[i] : 1) + 1e-6,
                          "range of token ", k, ", dimension ", i);
            z[k][i] = static_cast<float>(twin.inverse(twin.digit(value) - twin.lowest()));
        }
    }
    Q::forward(w, {}, std::as_const(z), again.view(), q_again.view(), cache);
    CHECK(distinct.size() == Q::codes);
    CHECK(wrong.first() == "");
    CHECK(support::equal_values(tokens.span(), again.span()));
    CHECK(support::equal_values(q.span(), q_again.span()));
}

/// Compares with the numbers of golden/make_fsq.py.
template <class Spec, class T, std::size_t Width>
void same_as_pytorch(std::span<const double> q, std::span<const double> tokens, std::span<const double> grad) {
    using Q = Bound<Spec, T, Width>;
    constexpr std::size_t rows = 12, n = rows * Width;
    REQUIRE(q.size() == n);
    typename Q::Packed w;
    typename Q::Cache cache;
    Empty none;
    Q::pack({}, {}, {}, w);
    Tensor<T, Shape<Width>> z{rows}, got{rows}, dq{rows}, dz{rows};
    Tensor<Token, Shape<1>> chosen{rows};
    for (std::size_t i = 0; i < n; ++i) {
        z.data()[i] = (static_cast<T>((i * 37) % 97) - 48) / 16 + T(1) / 32;
        dq.data()[i] = (static_cast<T>((i * 5 + 12) % 13) - 6) / 16;
    }
    Q::forward(w, {.training = true}, std::as_const(z), chosen.view(), got.view(), cache);
    Q::backward(w, std::as_const(z), std::as_const(chosen), std::as_const(got), std::as_const(dq), dz.view(), cache,
                none);
    for (std::size_t m = 0; m < rows; ++m) CHECK(static_cast<double>(chosen.data()[m]) == tokens[m]);
    double worst = 0, worst_grad = 0;
    for (std::size_t i = 0; i < n; ++i) {
        worst = support::larger(worst, std::abs(static_cast<double>(got.data()[i]) - q[i]));
        worst_grad = support::larger(worst_grad, std::abs(static_cast<double>(dz.data()[i]) - grad[i]));
    }
    CHECK(worst < (sizeof(T) == 4 ? 1e-6 : 1e-14));
    CHECK(worst_grad < (sizeof(T) == 4 ? 1e-6 : 1e-14));
}

using Symmetric444 = FsqWith<FsqBound::symmetric, 4, 4, 4>;
template <std::size_t... L>
using Scaled = FsqWith<FsqBound::scaled_sigmoid, L...>;
using Symmetric2222 = FsqWith<FsqBound::symmetric, 2, 2, 2, 2>;

}  // namespace

TEST_CASE("Fsq: keeps the contract of quantizers, with every bound, even and odd numbers of levels") {
    CHECK(support::keeps_quantizer_contract<Fsq<8, 5, 5, 5>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Fsq<8, 6, 5>, Shape<7, 3>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<Fsq<3, 3>, Shape<2, 2>>());
    CHECK(support::keeps_quantizer_contract<Fsq<16>, Shape<5, 1>>());
    CHECK(support::keeps_quantizer_contract<FsqWith<FsqBound::tanh, 4, 7>, Shape<5, 2>>());
    CHECK(support::keeps_quantizer_contract<Symmetric444, Shape<3, 3>>());
    CHECK(support::keeps_quantizer_contract<Symmetric2222, Shape<3, 4>>());
    CHECK(support::keeps_quantizer_contract<FsqWith<FsqBound::symmetric, 8, 5>, Shape<3, 2>>());
    CHECK(support::keeps_quantizer_contract<Scaled<17, 17, 16>, Shape<3, 3>>());
}

TEST_CASE("Fsq: every token has distinct values in the range, and is found again from them") {
    round_trip<Fsq<8, 5, 5, 5>, FsqBound::tanh, 8, 5, 5, 5>();
    round_trip<Fsq<8, 6, 5>, FsqBound::tanh, 8, 6, 5>();
    round_trip<Fsq<3, 3>, FsqBound::tanh, 3, 3>();
    round_trip<Symmetric444, FsqBound::symmetric, 4, 4, 4>();
    round_trip<Symmetric2222, FsqBound::symmetric, 2, 2, 2, 2>();
    round_trip<Scaled<17, 17>, FsqBound::scaled_sigmoid, 17, 17>();
    round_trip<Scaled<16, 5, 2>, FsqBound::scaled_sigmoid, 16, 5, 2>();
}

TEST_CASE_TEMPLATE("Fsq: tokens, values and straight-through gradients are those of the paper's formula in PyTorch", T,
                   float, double) {
    same_as_pytorch<Fsq<8, 5, 5, 5>, T, 4>(golden::fsq_8_5_5_5_q, golden::fsq_8_5_5_5_tokens, golden::fsq_8_5_5_5_grad);
    same_as_pytorch<Fsq<8, 6, 5>, T, 3>(golden::fsq_8_6_5_q, golden::fsq_8_6_5_tokens, golden::fsq_8_6_5_grad);
    same_as_pytorch<Fsq<3, 3>, T, 2>(golden::fsq_3_3_q, golden::fsq_3_3_tokens, golden::fsq_3_3_grad);
    same_as_pytorch<Fsq<7, 5, 5, 5, 5>, T, 5>(golden::fsq_7_5_5_5_5_q, golden::fsq_7_5_5_5_5_tokens,
                                              golden::fsq_7_5_5_5_5_grad);
    same_as_pytorch<Symmetric444, T, 3>(golden::fsq_symmetric_4_4_4_q, golden::fsq_symmetric_4_4_4_tokens,
                                        golden::fsq_symmetric_4_4_4_grad);
    same_as_pytorch<Symmetric2222, T, 4>(golden::fsq_symmetric_2_2_2_2_q, golden::fsq_symmetric_2_2_2_2_tokens,
                                         golden::fsq_symmetric_2_2_2_2_grad);
    same_as_pytorch<FsqWith<FsqBound::symmetric, 8, 5>, T, 2>(
        golden::fsq_symmetric_8_5_q, golden::fsq_symmetric_8_5_tokens, golden::fsq_symmetric_8_5_grad);
    same_as_pytorch<Scaled<17, 17>, T, 2>(golden::fsq_scaled_sigmoid_17_17_q, golden::fsq_scaled_sigmoid_17_17_tokens,
                                          golden::fsq_scaled_sigmoid_17_17_grad);
    same_as_pytorch<Scaled<16, 5, 2>, T, 3>(golden::fsq_scaled_sigmoid_16_5_2_q,
                                            golden::fsq_scaled_sigmoid_16_5_2_tokens,
                                            golden::fsq_scaled_sigmoid_16_5_2_grad);
}

TEST_CASE("Fsq: the paper's bound has zero among its values, and one level more below it for even L") {
    const auto values = []<class Spec>(Spec, std::size_t codes) {
        using Q = typename Spec::template Bind<Shape<1>, float>;
        typename Q::Packed w;
        typename Q::Cache cache;
        std::vector<Token> tokens(codes);
        for (std::size_t k = 0; k < codes; ++k) tokens[k] = static_cast<Token>(k);
        std::vector<float> q(codes);
        Q::lookup(w, {tokens.data(), codes}, {q.data(), codes}, cache);
        return q;
    };
    CHECK(values(Fsq<4>{}, 4) == std::vector<float>{-1, -0.5f, 0, 0.5f});
    CHECK(values(Fsq<5>{}, 5) == std::vector<float>{-1, -0.5f, 0, 0.5f, 1});
    CHECK(values(FsqWith<FsqBound::symmetric, 5>{}, 5) == std::vector<float>{-1, -0.5f, 0, 0.5f, 1});
    CHECK(values(FsqWith<FsqBound::symmetric, 2>{}, 2) == std::vector<float>{-1, 1});
    const auto four = values(FsqWith<FsqBound::symmetric, 4>{}, 4);
    CHECK(four[1] == -four[2]);
    CHECK(four[0] == -1);
    CHECK(four[3] == 1);
}

TEST_CASE("Fsq: the paper's bound maps zero to zero, for even and odd L") {
    using Q = Bound<Fsq<8, 5, 4, 3>, double, 4>;
    Q::Packed w;
    Q::Cache cache;
    Q::pack({}, {}, {}, w);
    const Tensor<double, Shape<4>> z{1};
    Tensor<double, Shape<4>> q{1};
    Tensor<Token, Shape<1>> token{1};
    Q::forward(w, {}, z.view(), token.view(), q.view(), cache);
    for (const double v : q.span()) CHECK(v == 0);
    CHECK(token.data()[0] == 4 + 8 * (2 + 5 * (2 + 4 * 1)));
}

TEST_CASE("Fsq: the gradient is that of the bound, times the distance of two values") {
    const auto check = []<class Spec, FsqBound B>(Spec, std::integral_constant<FsqBound, B>, double levels) {
        using Q = typename Spec::template Bind<Shape<1>, double>;
        typename Q::Packed w;
        typename Q::Cache cache;
        Empty none;
        Q::pack({}, {}, {}, w);
        const std::size_t n = 41;
        Tensor<double, Shape<1>> z{n}, q{n}, dq{n}, dz{n};
        Tensor<Token, Shape<1>> tokens{n};
        for (std::size_t i = 0; i < n; ++i) {
            z.data()[i] = (static_cast<double>(i) - 20) / 7;
            dq.data()[i] = std::sin(static_cast<double>(i));
        }
        Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
        Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                    none);
        const Twin<B> twin{levels};
        double worst = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const double h = 1e-5, at = z.data()[i];
            const double slope = (twin.u(at + h) - twin.u(at - h)) / (2 * h);
            worst = support::larger(worst, std::abs(dz.data()[i] - dq.data()[i] * slope * twin.step()));
            const double u = twin.u(at), rounded = B == FsqBound::symmetric ? std::floor(u + 0.5) : std::nearbyint(u);
            CHECK(std::abs(q.data()[i] - twin.value(twin.lowest() + rounded)) < 1e-12);
        }
        CHECK(worst < 1e-9);
    };
    const std::integral_constant<FsqBound, FsqBound::tanh> tanh;
    const std::integral_constant<FsqBound, FsqBound::symmetric> symmetric;
    const std::integral_constant<FsqBound, FsqBound::scaled_sigmoid> scaled;
    check(Fsq<8>{}, tanh, 8);
    check(Fsq<5>{}, tanh, 5);
    check(Fsq<3>{}, tanh, 3);
    check(FsqWith<FsqBound::symmetric, 8>{}, symmetric, 8);
    check(FsqWith<FsqBound::symmetric, 5>{}, symmetric, 5);
    check(FsqWith<FsqBound::symmetric, 2>{}, symmetric, 2);
    check(Scaled<17>{}, scaled, 17);
    check(Scaled<16>{}, scaled, 16);
}

TEST_CASE_TEMPLATE("Fsq: a number of any magnitude is quantised to a valid level, and its gradient is finite", T, float,
                   double) {
    const auto check = []<class Spec>(Spec, std::size_t last) {
        using Q = typename Spec::template Bind<Shape<1>, T>;
        typename Q::Packed w;
        typename Q::Cache cache;
        Empty none;
        Q::pack({}, {}, {}, w);
        Tensor<T, Shape<1>> z{4}, q{4}, dq{4}, dz{4};
        Tensor<Token, Shape<1>> tokens{4};
        const T sizes[] = {T(-1e4), T(1e4), -std::numeric_limits<T>::max(), std::numeric_limits<T>::max()};
        std::ranges::copy(sizes, z.data());
        std::ranges::fill(dq.span(), T(1));
        Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
        Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                    none);
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK(tokens.data()[i] == (i % 2 == 0 ? 0 : last));
            CHECK(std::abs(q.data()[i]) <= 1);
            CHECK(dz.data()[i] == 0);
        }
    };
    check(Fsq<8>{}, 7);
    check(Fsq<5>{}, 4);
    check(Fsq<3>{}, 2);
    check(FsqWith<FsqBound::symmetric, 2>{}, 1);
    check(FsqWith<FsqBound::symmetric, 4>{}, 3);
    check(FsqWith<FsqBound::symmetric, 9>{}, 8);
    check(Scaled<17>{}, 16);
    check(Scaled<2>{}, 1);
}

TEST_CASE("Fsq: of standard normal numbers, the scaled sigmoid makes the inner levels nearly equally likely") {
    const auto inner_shares = []<class Spec>(Spec) {
        using Q = typename Spec::template Bind<Shape<1>, float>;
        constexpr std::size_t n = 100'000;
        typename Q::Packed w;
        typename Q::Cache cache;
        Q::pack({}, {}, {}, w);
        Tensor<float, Shape<1>> z{n}, q{n};
        Tensor<Token, Shape<1>> tokens{n};
        Rng rng{1};
        for (float& v : z.span()) v = rng.normal();
        Q::forward(w, {}, std::as_const(z), tokens.view(), q.view(), cache);
        std::array<double, Q::codes> share{};
        for (const Token k : tokens.span()) share[k] += static_cast<double>(Q::codes) / n;
        return std::pair{*std::min_element(share.begin() + 1, share.end() - 1),
                         *std::max_element(share.begin() + 1, share.end() - 1)};
    };
    const auto [least, most] = inner_shares(Scaled<16>{});
    CHECK(least == doctest::Approx(1.065).epsilon(0.03));
    CHECK(most == doctest::Approx(1.158).epsilon(0.03));
    const auto [symmetric_least, symmetric_most] = inner_shares(FsqWith<FsqBound::symmetric, 16>{});
    CHECK(symmetric_least == doctest::Approx(0.854).epsilon(0.03));
    CHECK(symmetric_most == doctest::Approx(1.437).epsilon(0.03));
}

TEST_CASE("Fsq: a number that is not finite is a NumericError with its index in the batch") {
    using Q = Fsq<3, 3>::Bind<Shape<2, 2>, float>;
    Q::Packed w;
    Q::Cache cache;
    Q::pack({}, {}, {}, w);
    const auto refused = [&](float value) {
        Tensor<float, Shape<2, 2>> z{3}, q{3};
        Tensor<Token, Shape<2>> tokens{3};
        z.data()[7] = value;
        return support::message<NumericError>(
            [&] { Q::forward(w, {.first = 5}, std::as_const(z), tokens.view(), q.view(), cache); });
    };
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK(refused(1e30f) == "");
    CHECK(refused(std::numeric_limits<float>::quiet_NaN()) ==
          "Fsq: encoder output 27: expected a finite number, got nan");
    CHECK(refused(infinity) == "Fsq: encoder output 27: expected a finite number, got inf");
    CHECK(refused(-infinity) == "Fsq: encoder output 27: expected a finite number, got -inf");
}

TEST_CASE("Fsq: a file keeps the levels and the bound, and a file with other levels is refused") {
    using Encoder = support::TinyEncoder<float>;
    using Decoder = support::TinyDecoder<float>;
    using Vae = VqVae<Encoder, Fsq<8, 5, 5, 5>, Decoder>;
    using Turned = VqVae<Encoder, Fsq<5, 8, 5, 5>, Decoder>;
    using Other = VqVae<Encoder, FsqWith<FsqBound::symmetric, 8, 5, 5, 5>, Decoder>;
    using Third = VqVae<Encoder, Scaled<8, 5, 5, 5>, Decoder>;
    CHECK(Vae::metadata() == NamedValues{{"codes", "1000"},
                                         {"tokens", "4"},
                                         {"quantizer", "Fsq"},
                                         {"fsq.levels", "8,5,5,5"},
                                         {"fsq.bound", "tanh"}});
    Rng rng{1};
    const Vae vae{rng};
    Vae same{rng};
    Turned turned{rng};
    Other other{rng};
    io::SafetensorsFile file{io::collect(vae).bytes(), "state"};
    io::load(file, same);
    CHECK(support::hash_state(same) == support::hash_state(vae));
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, turned); }), "fsq.levels"));
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, other); }), "fsq.bound"));
    Third third{rng};
    io::SafetensorsFile of_other{io::collect(other).bytes(), "state"};
    CHECK(support::contains(support::message<FormatError>([&] { io::load(of_other, third); }),
                            "expected scaled_sigmoid, file has symmetric"));
}

TEST_CASE("Fsq: the symmetric bound rounds halves up, so that z = 0 has the upper of the two middle levels") {
    using Q = FsqWith<FsqBound::symmetric, 2, 6>::Bind<Shape<2>, float>;
    Q::Packed w;
    Q::Cache cache;
    Q::pack({}, {}, {}, w);
    Tensor<float, Shape<2>> z{1}, q{1};
    Tensor<Token, Shape<1>> tokens{1};
    Q::forward(w, {}, std::as_const(z), tokens.view(), q.view(), cache);
    CHECK(q.data()[0] == 1);
    CHECK(q.data()[1] == doctest::Approx(0.2));
}

}  // namespace fsq_test
