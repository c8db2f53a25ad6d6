#pragma once
// GaussianNll: negative log-likelihood of a Gaussian with one learned variance, summed: torch.nn.GaussianNLLLoss of the
// variance v below (PyTorch's own eps is a clamp instead of a summand).
//
//     v = exp(log_variance) + eps
//     loss = sum of ((y - t)^2 / v + ln v) / 2                     nats, without the constant ln(2 pi) / 2 per element
//     dy = (y - t) / v scale,   dlog_variance += (n - E / v) / (2 v) exp(log_variance) scale,   E = sum of (y - t)^2
//                              (shared variance: Rybkin, Daniilidis, Levine 2020, arXiv:2006.13202)
//
// The variance that minimises it is the mean squared error: the balance between reconstruction and the terms of the
// quantizer is learned instead of set by hand. The option eps is a lower bound of the variance, for images that are
// reconstructed exactly.
//
// Shapes   y, target, dy [batch, Input]
// Params   log_variance Shape<1> "log_variance", 0
// Errors   ArgumentError where eps is not a finite number > 0
// Cost     two passes over y and target; nothing is cached

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/loss/loss.hpp>

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct GaussianNllOptions {
    double eps = 1e-6;  ///< added to the variance: its lower bound
};

template <StaticShape In, std::floating_point T>
struct GaussianNllLoss {
    static constexpr std::string_view name = "GaussianNll";
    using Scalar = T;
    using Input = In;
    using Buffers = Empty;
    using Options = GaussianNllOptions;
    using Cache = Empty;

    struct Params {
        Param<T, Shape<1>> log_variance;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("log_variance", p.log_variance...);
        }
    };
    struct Packed {
        double learned = 1, variance = 1;  // exp(log_variance), and v = exp(log_variance) + eps
    };

    static void init(Params&, Buffers&, Rng&) {}
    static void pack(const Params& params, const Buffers&, const Options& options, Packed& w) {
        w.learned = std::exp(static_cast<double>(params.log_variance[0]));
        w.variance = w.learned + options.eps;
    }
    static double loss(const Packed& w, View<const T, In> y, View<const T, In> target, Cache&) {
        return value(w, numbers(y), kernel::squared_error<T>(y.span(), target.span()));
    }
    static double loss_and_grad(const Packed& w, View<const T, In> y, View<const T, In> target, View<T, In> dy, Cache&,
                                Params& grad, T scale) {
        const double n = numbers(y), error = kernel::squared_error<T>(y.span(), target.span());
        const kernel::simd::Vec<T> factor(static_cast<T>(static_cast<double>(scale) / w.variance));
        kernel::simd::map(
            dy.span().size(), dy.data(), [&](const auto& a, const auto& b) { return factor * (a - b); }, y.data(),
            target.data());
        // dlog_variance = d(loss)/dv exp(log_variance)
        const double slope = (n - error / w.variance) / (2 * w.variance) * w.learned;
        grad.log_variance[0] += static_cast<T>(slope * static_cast<double>(scale));
        return value(w, n, error);
    }

    static void check_options(const Options& options) {
        if (!(options.eps > 0 && std::isfinite(options.eps)))
            throw ArgumentError("GaussianNll: eps: " + expected_got("a finite number > 0", number_text(options.eps)));
    }
    static std::vector<Setting> settings(const Options& options) { return {{"loss.eps", number_text(options.eps)}}; }

private:
    static double numbers(View<const T, In> y) { return static_cast<double>(y.span().size()); }
    static double value(const Packed& w, double n, double error) {
        return (error / w.variance + n * std::log(w.variance)) / 2;
    }
};

struct GaussianNll {
    template <StaticShape In, std::floating_point T>
    using Bind = GaussianNllLoss<In, T>;
};

}  // namespace tessera
