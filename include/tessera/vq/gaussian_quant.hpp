#pragma once
// GaussianQuant: trained as a Gaussian VAE, whose KL divergence is held at log2 K bits per row; evaluated with K fixed
// normal vectors. No codebook is learned or stored.
//
//     (mu, l) = z,   sigma^2 = exp(l), l clamped to [-30, 20] (no gradient outside)
//     training      q = mu + sigma eps, eps standard normal:   dmu = dq,   dl = dq eps sigma / 2
//     evaluation    q = c_k,   k = argmin_k sum over the row of ((c_k - mu) / sigma)^2 - c_k^2: the largest ratio of
//                   posterior and prior density; also the token in training. Ties go to the lowest k
//     kl            kl_weight lambda w mean over rows of r,   r = sum of (mu^2 + sigma^2 - 1 - l) / (2 ln 2) bits
//                   w = lambda_max where r > log2 K + tolerance, lambda_min where r < log2 K - tolerance, else 1
//     update        lambda grows by `factor` where the mean of r is above log2 K, else shrinks;  lambda_max grows where
//                   any r is above the tolerance, else shrinks;  lambda_min shrinks where any is below, else grows;
//                   within [1e-3, 1e3], [1, 1e3], [1e-3, 1]
//          (arXiv:2512.06609, "Vector quantization using Gaussian variational autoencoder"; GitHub
//           tongdaxu/VQ-VAE-from-Gaussian-VAE)
//
// Vector k is drawn from stream k of a fixed seed, which metadata names: files contain no codebook, and the vectors of
// a smaller K are the first of a larger one. So K can be chosen after training: as a setting "codes" it may differ from
// the file's where the host accepts that by name. A K above 2^rate of the rows makes q closer to mu.
//
// kl_weight balances bits per row against the mean squared error per number: its default is about that of a Gaussian
// decoder at 20 dB with 16 pixels per row, 2 0.01 ln 2 / 16. The rate falls to log2 K by these terms; only the
// reconstruction raises it.
//
// Shapes   z [batch, ... x 2 D]: in each row D means, then D logarithms of variances; q [batch, ... x D], tokens
//          [batch, rows]; one token for each row
// Params   none; buffers (saved, not optimised) "gaussian_quant.lambda", "gaussian_quant.lambda_max",
//          "gaussian_quant.lambda_min" Shape<1>, 1
// Errors   NumericError for a number that is not finite, or so large that no vector is nearest; ArgumentError for an
//          option out of range; static_assert where the channels are not even, or K is not in 2 .. 2^32 - 2
// Cost     rows 2 K D multiply-adds per sample for the search, in training too; D random normals per row in training; K
//          D once for each Packed. The search of 3136 rows (64 images of 49) with D = 4 took 0.3 ms for K = 512, 2.3 ms
//          for 4096 and 49 ms for 65,536 on one core with AVX-512
//
// Over 250 lines: two quantizers in one, the noise of training and the vectors of evaluation.

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/gaussian_codebook.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <numbers>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct GaussianQuantOptions {
    float kl_weight = 1e-3f;
    double tolerance = 0.5;  ///< bits by which the rate of a row may differ from log2 K
    double factor = 1.01;    ///< of lambda, lambda_max and lambda_min in each update
};

namespace detail {
template <std::size_t Channels>
struct GaussianQuantChannels {
    static_assert(Channels % 2 == 0, "GaussianQuant: expected an even number of channels from the encoder: means and "
                                     "logarithms of variances");
};
}  // namespace detail

template <StaticShape In, std::size_t K, std::floating_point T>
struct GaussianQuantizer {
    static_assert(sizeof(detail::GaussianQuantChannels<last_dim<In>>) > 0);
    static constexpr std::string_view name = "GaussianQuant";
    static constexpr std::size_t width = last_dim<In> / 2, tokens = row_count<In>, codes = K;
    using Scalar = T;
    using Input = In;
    using Output = WithLastDim<In, width>;
    using Params = Empty;
    using Options = GaussianQuantOptions;
    using Codebook = GaussianCodebook<K, width, T>;

    struct Buffers {
        Param<T, Shape<1>> lambda, lambda_max, lambda_min;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            const auto named = with_prefix("gaussian_quant", f);
            named("lambda", b.lambda...);
            named("lambda_max", b.lambda_max...);
            named("lambda_min", b.lambda_min...);
        }
    };
    /// Sums over rows: their number, their rates in bits, and how many are above and below the tolerance.
    struct Statistics {
        Param<double, Shape<1>> rows, bits, above, below;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            f("rows", s.rows...);
            f("bits", s.bits...);
            f("above", s.above...);
            f("below", s.below...);
        }
    };
    struct Packed {
        Codebook codebook;
        double tolerance = 0, weight = 0, weight_above = 0, weight_below = 0;
    };
    struct Cache {
        Tensor<T, Output> sigma, eps;
        bool training = false;
    };
    struct Terms {
        double kl = 0;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            f("kl", s.kl...);
        }
    };

    static void init(Params&, Buffers& buffers, Rng&) {
        Buffers::each([](const ParamPath&, auto& leaf) { leaf.fill(T(1)); }, buffers);
    }
    static void pack(const Params&, const Buffers& buffers, const Options& options, Packed& w) {
        w.codebook.draw();
        w.tolerance = options.tolerance;
        w.weight = static_cast<double>(options.kl_weight) * static_cast<double>(buffers.lambda[0]);
        w.weight_above = w.weight * static_cast<double>(buffers.lambda_max[0]);
        w.weight_below = w.weight * static_cast<double>(buffers.lambda_min[0]);
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, Output> q, Cache& cache) {
        with_fp_environment([&] {
            check_finite<T>(z.span(), "encoder output", pass.first * In::size);
            w.codebook.most_likely(z.span(), out.span(), 0, out.elements());
            check_found<T>(z.span(), std::as_const(out).span(), pass.first * tokens);
            cache.training = pass.training;
            if (!pass.training) return lookup(w, out, q, cache);
            deviations(z, cache);
            cache.eps.resize(z.batch());
            for (std::size_t n = 0; n < z.batch(); ++n) {
                Rng rng = pass.rng.split(pass.first + n);
                for (T& e : cache.eps[n]) e = static_cast<T>(rng.normal());
            }
            for (std::size_t i = 0; i < q.elements(); ++i)
                q.data()[i] = kernel::simd::fma<T>(cache.sigma.data()[i], cache.eps.data()[i], z.data()[mean_of(i)]);
        });
    }
    static void lookup(const Packed& w, View<const Token, Shape<tokens>> in, View<T, Output> q, Cache&) {
        w.codebook.lookup(in.span(), q.span());
    }
    static void encode_rows(const Packed& w, View<const T, In> z, View<Token, Shape<tokens>> out, std::size_t first,
                            std::size_t last) {
        with_fp_environment([&] {
            w.codebook.most_likely(z.span(), out.span(), first, last);
            for (std::size_t m = first; m < last; ++m)
                if (!std::ranges::all_of(z.span().subspan(m * 2 * width, 2 * width), [](T v) { return v - v == T(0); }))
                    out.data()[m] = no_token;
        });
    }
    static void backward(const Packed&, View<const T, In> z, View<const Token, Shape<tokens>> chosen,
                         View<const T, Output>, View<const T, Output> dq, View<T, In> dz, Cache& cache, Params&) {
        with_fp_environment([&] {
            for (std::size_t i = 0; i < dq.elements(); ++i) {
                const std::size_t at = mean_of(i);
                const T slope = cache.training && Codebook::moves(z.data()[at + width])
                                    ? cache.eps.data()[i] * cache.sigma.data()[i] / 2
                                    : T(0);
                dz.data()[at] = dq.data()[i];
                dz.data()[at + width] = dq.data()[i] * slope;
            }
            zero_absent<T>(chosen.span(), 1, dz.span());
        });
    }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen,
                            View<const T, Output>, View<T, In> dz, Cache& cache, Params&, double divisor) {
        return with_fp_environment([&] {
            using kernel::simd::fma;
            if (!cache.training) deviations(z, cache);
            Terms terms;
            for (std::size_t m = 0; m < chosen.elements(); ++m) {
                if (chosen.data()[m] == no_token) continue;
                const double bits = rate(z, cache, m);
                const double weight = bits > target() + w.tolerance   ? w.weight_above
                                      : bits < target() - w.tolerance ? w.weight_below
                                                                      : w.weight;
                terms.kl = fma<double>(weight / static_cast<double>(tokens), bits, terms.kl);
                const T scale = static_cast<T>(weight / (static_cast<double>(tokens) * divisor * std::numbers::ln2));
                for (std::size_t i = m * width; i < (m + 1) * width; ++i) {
                    const std::size_t at = mean_of(i);
                    const T s = cache.sigma.data()[i];
                    dz.data()[at] = fma<T>(scale, z.data()[at], dz.data()[at]);
                    if (Codebook::moves(z.data()[at + width]))
                        dz.data()[at + width] = fma<T>(scale / 2, fma<T>(s, s, T(-1)), dz.data()[at + width]);
                }
            }
            return terms;
        });
    }

    static void observe(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen, const BatchPart&,
                        Rng, Cache& cache, Statistics& statistics) {
        with_fp_environment([&] {
            deviations(z, cache);
            for (std::size_t m = 0; m < chosen.elements(); ++m) {
                if (chosen.data()[m] == no_token) continue;
                const double bits = rate(z, cache, m);
                statistics.rows[0] += 1;
                statistics.bits[0] += bits;
                statistics.above[0] += bits > target() + w.tolerance ? 1 : 0;
                statistics.below[0] += bits < target() - w.tolerance ? 1 : 0;
            }
        });
    }
    static void update(Params&, Buffers& buffers, const Statistics& statistics, const Options& options) {
        if (!(statistics.rows[0] > 0)) return;
        const auto change = [&](Param<T, Shape<1>>& x, bool grows, double lowest, double highest) {
            const double changed = static_cast<double>(x[0]) * (grows ? options.factor : 1 / options.factor);
            x[0] = static_cast<T>(std::clamp(changed, lowest, highest));
        };
        with_fp_environment([&] {
            change(buffers.lambda, statistics.bits[0] > target() * statistics.rows[0], 1e-3, 1e3);
            change(buffers.lambda_max, statistics.above[0] > 0, 1, 1e3);
            change(buffers.lambda_min, !(statistics.below[0] > 0), 1e-3, 1);
        });
    }

    /// Encoding and decoding do not read the weights of the divergence.
    static bool optional_in_file(std::string_view leaf) { return leaf.starts_with("gaussian_quant."); }
    static void fill_missing(Params&, Buffers& buffers, std::span<const std::string> missing) noexcept {
        Buffers::each(
            [&](const ParamPath& path, auto& leaf) {
                for (const std::string& name : missing)
                    if (name.starts_with("gaussian_quant.") && name.substr(15) == path.leaf()) leaf.fill(T(1));
            },
            buffers);
    }
    /// How the vectors are drawn: a program that draws others would decode other images from the same tokens.
    static NamedValues metadata() {
        return {{"gaussian_quant.codebook", "normal, Philox4x32-10, seed " + std::to_string(Codebook::seed)}};
    }
    static std::vector<Setting> settings(const Options& o) {
        return {{"codes", std::to_string(codes)},
                {"kl_weight", number_text(o.kl_weight)},
                {"tolerance", number_text(o.tolerance)},
                {"factor", number_text(o.factor)}};
    }
    /// Throws ArgumentError for an option out of range. Each condition is false for NaN.
    static void check_options(const Options& o) {
        const auto demand = [](bool good, const char* what, const char* expected, auto got) {
            if (!good)
                throw ArgumentError("GaussianQuant: " + std::string{what} + ": " +
                                    expected_got(expected, number_text(got)));
        };
        demand(o.kl_weight >= 0 && std::isfinite(o.kl_weight), "kl_weight", "a finite number >= 0", o.kl_weight);
        demand(o.tolerance >= 0 && std::isfinite(o.tolerance), "tolerance", "a finite number >= 0", o.tolerance);
        demand(o.factor >= 1 && o.factor <= 2, "factor", "a number in [1, 2]", o.factor);
    }

private:
    static double target() { return std::log2(static_cast<double>(K)); }  // bits per row
    // Index in z of the mean of number i of q; its logarithm of the variance is `width` further.
    static constexpr std::size_t mean_of(std::size_t i) { return i / width * 2 * width + i % width; }

    static void deviations(View<const T, In> z, Cache& cache) {
        cache.sigma.resize(z.batch());
        for (std::size_t m = 0; m < z.batch() * tokens; ++m)
            Codebook::exp_of_log_variances(z.data() + m * 2 * width, T(0.5), cache.sigma.data() + m * width);
    }
    // Bits of row m.
    static double rate(View<const T, In> z, const Cache& cache, std::size_t m) {
        using kernel::simd::fma;
        double sum = 0;
        for (std::size_t i = m * width; i < (m + 1) * width; ++i) {
            const double mean = static_cast<double>(z.data()[mean_of(i)]);
            const double s = static_cast<double>(cache.sigma.data()[i]);
            const double l = std::clamp(static_cast<double>(z.data()[mean_of(i) + width]),
                                        static_cast<double>(Codebook::lowest), static_cast<double>(Codebook::highest));
            sum += fma<double>(mean, mean, fma<double>(s, s, -1 - l));
        }
        return sum / (2 * std::numbers::ln2);
    }
};

/// The quantizer spec of a VqVae: `GaussianQuant<4096>`. The encoder gives two channels for each of the decoder's.
template <std::size_t K>
struct GaussianQuant {
    static_assert(K > 1 && K < no_token, "GaussianQuant: 2 to 2^32 - 2 vectors: a token has 32 bits");
    template <StaticShape In, std::floating_point T>
    using Bind = GaussianQuantizer<In, K, T>;
};

}  // namespace tessera
