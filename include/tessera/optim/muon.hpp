#pragma once
// Muon: momentum, made orthonormal, for the matrices in a net; AdamW for all other parameters.
//
//     m = m + (1 - mu) (g - m),   u = g + mu (m - g) (nesterov) or m
//     p = (1 - lr decay) p - lr f o(u)          o: five steps of Newton and Schulz (kernel/newton_schulz.hpp), which
//                                               bring the singular values of u near 1
//     f = 0.2 sqrt(max(out, in)) (match_rms_adamw)            Liu et al. 2025, arXiv:2502.16982, equation 4
//         sqrt(max(1, out / in)) (original)                   Jordan et al. 2024, kellerjordan.github.io/posts/muon
//
// Names and defaults are those of torch.optim.Muon, but adjust_lr_fn is match_rms_adamw: its updates are about as large
// as those of AdamW. torch computes o in bfloat16, this library in the leaf's type. Matrices like a higher rate than
// other leaves: adamw_scale. The small prior of `digits` has 2.786 nats per token after 312 steps with 8e-3 and, for
// other leaves, 2e-3; 3.093 with 2e-3 for all; AdamW with 2e-3 has 2.968. Seven epochs, in the time of eight of AdamW,
// end at 2.515 instead of 2.560: a step takes 1.11 to 1.15 times as long.
//
//     Muon optimizer{prior, {.lr = 8e-3, .adamw_scale = 0.25}};
//     optimizer.matrices()                                       // names of the leaves that Muon updates
//
// Without `parts` these are the weights of Linear, SwiGlu and attention, except the head: a last one after which
// nothing follows but its bias. With `parts`, all leaves of rank 2 in these parts.
//
// Errors   ArgumentError where lr, weight_decay, eps, adam_eps, adamw_scale or a coefficient is out of range, momentum
//          or a beta not in [0, 1), ns_steps above 99, a part of lr_scale invalid, or one of `parts` has no leaf of
//          rank 2; StateError where the step counter, which may come from a file, is out of range
// Cost     twice the memory of the parameters for the moments, of which the second are unused for matrices, and for
//          each thread three to five of the largest matrix. A matrix [a, b], a >= b, takes 5 (2 a + b) b^2
//          multiply-adds; the matrices are shared by as many threads as the arena of the constructor has, at most;
//          no allocation after the constructor

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/require_option.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/kernel/muon.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/optim/detail/adam_rule.hpp>
#include <tessera/optim/detail/muon_leaves.hpp>
#include <tessera/optim/lr_scale.hpp>

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// The factor of the rate of a matrix: f in muon.hpp.
enum class AdjustLr { original, match_rms_adamw };

struct MuonOptions {
    double lr = 1e-3;
    double weight_decay = 0.1;  ///< of the leaves of AdamW too, where they have rank 2 or more
    double momentum = 0.95;
    bool nesterov = true;
    std::array<double, 3> ns_coefficients{3.4445, -4.7750, 2.0315};
    double eps = 1e-7;  ///< least norm by which a matrix is divided; with 0 a gradient of zeros gives NaN
    std::size_t ns_steps = 5;
    AdjustLr adjust_lr_fn = AdjustLr::match_rms_adamw;
    double beta1 = 0.9;  ///< this and the next three are of AdamW
    double beta2 = 0.999;
    double adam_eps = 1e-8;
    double adamw_scale = 1;            ///< factor of lr for the leaves of AdamW
    std::vector<std::string> parts{};  ///< whose matrices Muon updates: {"prior.1"}; empty: see above
    std::vector<LrScale> lr_scale{};   ///< factors for parts of the model
};

template <Parameters P>
class Muon {
public:
    using State = detail::MuonState<P>;

    explicit Muon(MuonOptions options = {}) : options_{std::move(options)} {
        check_options();
        matrices_ = detail::matrices_of(options_.parts, state_.m);
        scales_ = detail::scales_of_leaves(rule, options_.lr_scale, state_.m);
        std::size_t leaf = 0;
        P::each(
            [&]<class Leaf>(const ParamPath&, const Leaf&) {
                std::get<detail::MuonPass<typename Leaf::Scalar>>(pass_).template expect<Leaf>(matrices_[leaf++]);
            },
            state_.m);
        state_.lr[0] = options_.lr;
    }
    /// Deduces the type of the parameters from the model; the model is not used otherwise.
    template <class Model>
        requires std::same_as<typename Model::Params, P>
    explicit Muon(const Model&, MuonOptions options = {}) : Muon(std::move(options)) {}

    void update(P& params, const P& grad) {
        with_fp_environment([&] {
            detail::check_lr(rule, lr());                         // it and the counter may come from a file
            constexpr std::int64_t most = std::int64_t{1} << 53;  // exact in double
            if (state_.step[0] < 0 || state_.step[0] >= most)
                throw StateError(std::string{rule} +
                                 ": step: " + expected_got("0 to 2^53 - 1", std::to_string(state_.step[0])));
            std::get<0>(pass_).clear();
            std::get<1>(pass_).clear();
            std::size_t leaf = 0;
            const auto step = [&]<class Leaf>(const ParamPath&, Leaf& p, const Leaf& g, Leaf& m, Leaf& v) {
                using T = typename Leaf::Scalar;
                auto& pass = std::get<detail::MuonPass<T>>(pass_);
                const double rate = scales_.empty() ? lr() : lr() * scales_[leaf];
                if constexpr (Leaf::Dims::rank == 2)
                    if (matrices_[leaf]) {
                        pass.add(kernel::MuonMatrix<T>{Leaf::Dims::dims[0], Leaf::Dims::dims[1],
                                                       muon_factors<Leaf>(rate), g.span(), p.span(), m.span()});
                        ++leaf;
                        return;
                    }
                pass.add(detail::AdamPiece<T>{adam_factors<T>(rate * options_.adamw_scale, Leaf::Dims::rank), g.span(),
                                              p.span(), m.span(), v.span()});
                ++leaf;
            };
            P::each(step, params, grad, state_.m, state_.v);
            ++state_.step[0];  // nothing from here on throws
            const kernel::NewtonSchulzOptions how{options_.ns_coefficients, options_.ns_steps, options_.eps};
            std::get<0>(pass_).update(how);
            std::get<1>(pass_).update(how);
        });
    }

    double lr() const { return state_.lr.span()[0]; }
    void set_lr(double lr) {
        detail::check_lr(rule, lr);
        state_.lr.span()[0] = lr;
    }
    /// With the rate of the next step.
    MuonOptions options() const {
        MuonOptions now = options_;
        now.lr = lr();
        return now;
    }
    std::size_t steps() const { return static_cast<std::size_t>(state_.step[0]); }
    /// The names of the leaves that Muon updates; AdamW updates the others.
    std::vector<std::string> matrices() const {
        std::vector<std::string> names;
        std::size_t leaf = 0;
        P::each(
            [&](const ParamPath& path, const auto&) {
                if (matrices_[leaf++]) names.push_back(path.str());
            },
            state_.m);
        return names;
    }

    /// What must agree with a file, in addition to the shapes.
    NamedValues metadata() const { return {{"optimizer", rule}}; }
    /// Options that a host may override when it loads a file. "lr" is that of the options; the one from set_lr is
    /// state.
    std::vector<Setting> settings() const {
        const MuonOptions& o = options_;
        std::string parts, coefficients;
        for (const std::string& part : o.parts) parts += (parts.empty() ? "" : ", ") + part;
        for (const double c : o.ns_coefficients) coefficients += (coefficients.empty() ? "" : ", ") + number_text(c);
        return {{"lr", number_text(o.lr), {"muon.lr"}},
                {"weight_decay", number_text(o.weight_decay)},
                {"momentum", number_text(o.momentum)},
                {"nesterov", o.nesterov ? "true" : "false"},
                {"ns_coefficients", coefficients},
                {"eps", number_text(o.eps)},
                {"ns_steps", number_text(o.ns_steps)},
                {"adjust_lr_fn", o.adjust_lr_fn == AdjustLr::original ? "original" : "match_rms_adamw"},
                {"beta1", number_text(o.beta1)},
                {"beta2", number_text(o.beta2)},
                {"adam_eps", number_text(o.adam_eps)},
                {"adamw_scale", number_text(o.adamw_scale)},
                {"parts", parts.empty() ? "none" : parts},
                {"lr_scale", detail::lr_scale_text(o.lr_scale)}};
    }

    /// Its leaves: "muon.m.<path>", "muon.v.<path>", "muon.step", one 64-bit integer, and "muon.lr".
    State& state() { return state_; }
    const State& state() const { return state_; }

private:
    static constexpr const char* rule = "Muon";

    void check_options() const {
        // those that AdamW has too, by the same names; `eps` is that of Muon here, and that of AdamW is checked below
        detail::check_adam_options(rule, options_);
        const auto demand = [](bool valid, const char* option, const char* expected, double got) {
            require_option(valid, {rule, option, expected}, got);
        };
        const MuonOptions& o = options_;
        demand(o.momentum >= 0 && o.momentum < 1, "momentum", "a number in [0, 1)", o.momentum);
        demand(o.adam_eps >= 0 && std::isfinite(o.adam_eps), "adam_eps", "a finite number >= 0", o.adam_eps);
        demand(o.adamw_scale >= 0 && std::isfinite(o.adamw_scale), "adamw_scale", "a finite number >= 0",
               o.adamw_scale);
        demand(o.ns_steps < 100, "ns_steps", "at most 99", static_cast<double>(o.ns_steps));
        for (const double c : o.ns_coefficients) demand(std::isfinite(c), "ns_coefficients", "finite numbers", c);
    }
    template <class Leaf>
    kernel::MuonFactors<typename Leaf::Scalar> muon_factors(double rate) const {
        using T = typename Leaf::Scalar;
        const double out = static_cast<double>(Leaf::file_dims()[0]), in = static_cast<double>(Leaf::file_dims()[1]);
        const double adjusted = options_.adjust_lr_fn == AdjustLr::original
                                    ? rate * std::sqrt((std::max)(1.0, out / in))
                                    : rate * 0.2 * std::sqrt((std::max)(out, in));
        return {.momentum = static_cast<T>(options_.momentum),
                .step = static_cast<T>(adjusted),
                .keep = static_cast<T>(1 - rate * options_.weight_decay),
                .nesterov = options_.nesterov};
    }
    template <class T>
    kernel::AdamFactors<T> adam_factors(double rate, std::size_t rank) const {
        const MuonOptions& o = options_;
        const double t = static_cast<double>(state_.step[0] + 1);
        const auto to = [](double x) { return static_cast<T>(x); };
        return {.one_minus_beta1 = to(1 - o.beta1),
                .beta2 = to(o.beta2),
                .one_minus_beta2 = to(1 - o.beta2),
                .step = to(rate / (1 - std::pow(o.beta1, t))),
                .root = to(1 / std::sqrt(1 - std::pow(o.beta2, t))),
                .eps = to(o.adam_eps),
                .keep = to(rank >= 2 ? 1 - rate * o.weight_decay : 1),
                .l2 = T(0)};
    }

    MuonOptions options_;
    std::vector<bool> matrices_;  // which leaves Muon updates
    std::vector<double> scales_;  // of the rate of each leaf; empty: all 1
    State state_;
    std::tuple<detail::MuonPass<float>, detail::MuonPass<double>> pass_;  // of one update
};

template <class Model>
    requires requires { typename Model::Params; }
Muon(const Model&, MuonOptions = {})->Muon<typename Model::Params>;

}  // namespace tessera
