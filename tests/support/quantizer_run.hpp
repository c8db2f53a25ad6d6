#pragma once
// QuantizerRun<Spec, In, T>: a bound quantizer with a batch of random rows, and the comparison of a training step with
// golden/residual.hpp.

#include <support/mismatch.hpp>

#include <doctest/doctest.h>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace support {

/// The codebook vectors of golden/make_residual.py, of a level.
template <class Book>
void fill_vectors(Book& book, int level) {
    for (std::size_t i = 0; i < book.weight.span().size(); ++i)
        book.weight[i] = static_cast<typename std::remove_cvref_t<decltype(book.weight)>::Scalar>(
            ((static_cast<int>(i) * 29 + 17 * level) % 53 - 26) / 16.0 / (1 << level));
}

/// A bound quantizer with random parameters and a batch of random rows.
template <class Spec, class In, class T = float>
struct QuantizerRun {
    using Q = tessera::vq::BindQuantizer<Spec, In, T>;
    typename Q::Params params, grad;
    typename Q::Buffers buffers;
    typename Q::Options options{};
    typename Q::Packed w;
    typename Q::Cache cache;
    tessera::Tensor<T, In> z, dz;
    tessera::Tensor<T, typename Q::Output> q, dq;
    tessera::Tensor<tessera::Token, tessera::Shape<Q::tokens>> tokens;

    explicit QuantizerRun(std::size_t batch, std::uint64_t seed = 1)
        : z{batch}, dz{batch}, q{batch}, dq{batch}, tokens{batch} {
        tessera::Rng rng{seed};
        Q::init(params, buffers, rng);
        for (T& v : z.span()) v = static_cast<T>(rng.normal());
        for (T& v : dq.span()) v = static_cast<T>(rng.uniform(-1, 1));
        tessera::set_zero(grad);
        pack();
    }
    void pack() { Q::pack(params, buffers, options, w); }
    void forward(const tessera::nn::Pass& pass = {}) {
        Q::forward(w, pass, std::as_const(z), tokens.view(), q.view(), cache);
    }
    void lookup() { Q::lookup(w, std::as_const(tokens), q.view(), cache); }
    void backward() {
        Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                    grad);
    }
    auto regularize(double divisor = 1) {
        return tessera::vq::regularize<Q>(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(),
                                          cache, grad, divisor);
    }
    double error() const {
        double sum = 0;
        for (std::size_t i = 0; i < z.span().size(); ++i)
            sum += std::pow(static_cast<double>(z.data()[i]) - static_cast<double>(q.data()[i]), 2);
        return sum;
    }

    /// A training step on the inputs of golden/make_residual.py, whose codebooks and parameters the caller has set.
    void compare_step(std::span<const double> want_tokens, std::span<const double> want_q,
                      std::span<const double> want_terms, std::span<const double> want_dz, double scale = 1) {
        for (std::size_t i = 0; i < z.span().size(); ++i) {
            const auto at = static_cast<int>(i);
            z.data()[i] = static_cast<T>(scale * (((at * 37) % 97 - 48) / 32.0 + ((at * 11) % 7) / 256.0));
            dq.data()[i] = static_cast<T>(((at * 5 + 12) % 13 - 6) / 16.0);
        }
        tessera::set_zero(grad);
        pack();
        forward({.training = true});
        backward();
        const auto terms = regularize(static_cast<double>(z.batch()));
        Mismatch wrong;
        wrong.compare(want_tokens.size(), tokens.span().size(), "number of tokens");
        for (std::size_t i = 0; i < tokens.span().size(); ++i)
            wrong.compare(static_cast<tessera::Token>(want_tokens[i]), tokens.data()[i], "token ", i);
        std::size_t term = 0;
        tessera::vq::Terms<Q>::each(
            [&](const tessera::ParamPath&, const double& sum) {
                if (term < want_terms.size())
                    near(wrong, want_terms[term], sum / static_cast<double>(z.batch()), "term ", term);
                ++term;
            },
            terms);
        wrong.compare(want_terms.size(), term, "number of terms");
        for (std::size_t i = 0; i < q.span().size(); ++i) near(wrong, want_q[i], q.data()[i], "q ", i);
        for (std::size_t i = 0; i < dz.span().size(); ++i) near(wrong, want_dz[i], dz.data()[i], "dz ", i);
        CHECK(wrong.first() == "");
    }
    static void near(Mismatch& wrong, double expected, double got, const char* what, std::size_t i) {
        wrong.require(std::abs(got - expected) <= (sizeof(T) == 4 ? 1e-5 : 1e-12) * (1 + std::abs(expected)), what, i,
                      ": expected ", expected, ", got ", got);
    }
};

}  // namespace support
