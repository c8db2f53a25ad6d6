#pragma once
// BoundQuantizer: a bound quantizer with everything that a call needs, filled with reproducible values.

#include <tessera/core/batch_part.hpp>
#include <tessera/testing/detail/differences.hpp>
#include <tessera/testing/quantizer_check_options.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI::testing {

namespace detail {

/// The check with the options of the quantizer under test.
template <class Q>
struct QuantizerCheckOf : QuantizerCheckOptions {
    typename Q::Options options{};
};

template <vq::Quantizer Q>
struct BoundQuantizer {
    using T = typename Q::Scalar;
    using Terms = vq::Terms<Q>;

    typename Q::Params params, grad;
    typename Q::Buffers buffers;
    typename Q::Options options;
    typename Q::Packed w;
    typename Q::Cache cache, packing;
    Tensor<T, typename Q::Input> z, dz;
    Tensor<T, typename Q::Output> q, dq;
    Tensor<Token, Shape<Q::tokens>> tokens;
    nn::Pass pass{.training = true, .rng = Rng{11}.split(2), .first = 3};

    explicit BoundQuantizer(const QuantizerCheckOf<Q>& o)
        : options{o.options}, z{o.batch}, dz{o.batch}, q{o.batch}, dq{o.batch}, tokens{o.batch} {
        Rng rng{o.seed};
        Q::init(params, buffers, rng);
        Q::Params::each(
            [&](const ParamPath&, auto& leaf) {
                for (auto& v : leaf.span()) v += static_cast<T>(rng.uniform(-0.3f, 0.3f));
            },
            params);
        for (T& v : z.span()) v = static_cast<T>(rng.normal());
        for (T& v : dq.span()) v = static_cast<T>(rng.uniform(-1.f, 1.f));
        std::ranges::fill(tokens.span(), no_token);
        std::ranges::fill(q.span(), poison<T>);
        std::ranges::fill(dz.span(), poison<T>);
        set_zero(grad);
        pack();
    }

    void pack() {
        Q::pack(std::as_const(params), std::as_const(buffers), options, w);
        vq::pack_batch<Q>(std::as_const(z), w, packing);
    }
    void forward(nn::Pass p, std::size_t first, std::size_t n) {
        p.first += first;
        Q::forward(std::as_const(w), p, std::as_const(z).view().slice(first, n), tokens.view().slice(first, n),
                   q.view().slice(first, n), cache);
    }
    void forward(const nn::Pass& p) { forward(p, 0, z.batch()); }
    void lookup(std::size_t first, std::size_t n) {
        Q::lookup(std::as_const(w), std::as_const(tokens).view().slice(first, n), q.view().slice(first, n), cache);
    }
    void backward(std::size_t first, std::size_t n) {
        Q::backward(std::as_const(w), std::as_const(z).view().slice(first, n),
                    std::as_const(tokens).view().slice(first, n), std::as_const(q).view().slice(first, n),
                    std::as_const(dq).view().slice(first, n), dz.view().slice(first, n), cache, grad);
    }
    Terms regularize(std::size_t first, std::size_t n, double divisor) {
        return vq::regularize<Q>(std::as_const(w), std::as_const(z).view().slice(first, n),
                                 std::as_const(tokens).view().slice(first, n), std::as_const(q).view().slice(first, n),
                                 dz.view().slice(first, n), cache, grad, divisor);
    }
    void observe(vq::Statistics<Q>& to, std::size_t first, std::size_t n, const BatchPart& part,
                 typename Q::Cache& own) {
        vq::observe<Q>(std::as_const(w), std::as_const(z).view().slice(first, n),
                       std::as_const(tokens).view().slice(first, n), part, Rng{5}, own, to);
    }
};

/// "" where both agree within the tolerance of float sums.
template <class P>
std::string beyond_tolerance(const std::string& what, const P& expected, const P& got) {
    std::string failure;
    P::each(
        [&](const ParamPath& path, const auto& a, const auto& b) {
            for (std::size_t i = 0; i < a.span().size() && failure.empty(); ++i)
                if (!(std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])) <= 1e-4))
                    failure = what + at(path.str(), i) + ": expected " + text(static_cast<double>(a[i])) + ", got " +
                              text(static_cast<double>(b[i]));
        },
        expected, got);
    return failure;
}

}  // namespace detail

}  // namespace tessera::testing
