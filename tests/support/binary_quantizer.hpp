#pragma once
// What the tests of Lfq and Bsq share: options for which no probability is 0 or 1, and the comparison with the numbers
// of golden/make_lfq.py.

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/vq/quantizer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

namespace support {

/// Spec with options under which every term has a gradient: small logits, a commitment, and a mean that is not 1/2.
template <class Q>
struct GentleQuantizer : Q {
    struct Options : Q::Options {
        Options() {
            this->commitment = 0.25f;
            this->entropy = {.weight = 0.5f, .diversity_gamma = 0.75f, .inv_temperature = 0.5f};
        }
    };
};
template <class Spec>
struct Gentle {
    template <tessera::StaticShape In, std::floating_point T>
    using Bind = GentleQuantizer<typename Spec::template Bind<In, T>>;
};

struct BinaryGolden {
    std::span<const double> q, tokens, grad, mean, terms, terms_grad;
};

/// 12 samples of one row.
template <class Spec, class T, std::size_t Bits>
void same_as_pytorch(float inv_temperature, T scale, const BinaryGolden& golden) {
    using namespace tessera;
    using Q = typename Spec::template Bind<Shape<Bits>, T>;
    constexpr std::size_t rows = 12, n = rows * Bits;
    REQUIRE(golden.q.size() == n);
    const typename Q::Options options{
        .commitment = 0.25f, .entropy = {.weight = 0.5f, .diversity_gamma = 0.75f, .inv_temperature = inv_temperature}};
    Empty none;
    typename Q::Packed w;
    typename Q::Cache cache, own;
    Tensor<T, Shape<Bits>> z{rows}, q{rows}, dq{rows}, dz{rows}, terms_dz{rows};
    Tensor<Token, Shape<1>> chosen{rows};
    for (std::size_t i = 0; i < n; ++i) {
        z.data()[i] = ((static_cast<T>((i * 37) % 97) - 48) / 16 + T(1) / 32) / scale;
        dq.data()[i] = (static_cast<T>((i * 5 + 12) % 13) - 6) / 16;
    }
    Q::pack(none, none, options, w);
    Q::pack_batch(std::as_const(z), w, own);
    Q::forward(w, {.training = true}, std::as_const(z), chosen.view(), q.view(), cache);
    Q::backward(w, std::as_const(z), std::as_const(chosen), std::as_const(q), std::as_const(dq), dz.view(), cache,
                none);
    const auto terms =
        Q::regularize(w, std::as_const(z), std::as_const(chosen), std::as_const(q), terms_dz.view(), cache, none, rows);

    const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-10;
    Mismatch wrong;
    const auto compare = [&](const char* what, std::span<const double> expected, auto got) {
        double largest = 1e-3;
        for (const double x : expected) largest = std::max(largest, std::abs(x));
        for (std::size_t i = 0; i < expected.size(); ++i)
            wrong.require(std::abs(got(i) - expected[i]) <= tolerance * largest, what, " ", i, ": expected ",
                          expected[i], ", got ", got(i));
    };
    const auto numbers = [](const auto& tensor) {
        return [&](std::size_t i) { return static_cast<double>(tensor.span()[i]); };
    };
    const double rows_of_terms = rows;
    const std::array sums{terms.commitment, terms.entropy, terms.diversity};
    compare("token", golden.tokens, numbers(chosen));
    compare("q", golden.q, numbers(q));
    compare("dz", golden.grad, numbers(dz));
    compare("mean", golden.mean, [&](std::size_t i) { return std::exp(w.entropy.log_set[i]); });
    compare("term", golden.terms, [&](std::size_t i) { return sums[i] / rows_of_terms; });
    compare("dz of the terms", golden.terms_grad, numbers(terms_dz));
    CHECK(wrong.first() == "");
}

}  // namespace support
