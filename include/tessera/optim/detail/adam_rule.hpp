#pragma once
// What Adam and AdamW share: two moments of the parameters' type, the number of steps, the pass over all leaves. They
// differ in how weight decay enters, which the Decay policy gives: `keep` multiplies a weight before the step, `l2`
// times the weight is added to its gradient.

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/require_option.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/kernel/adamw.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/optim/lr_scale.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

inline void check_lr(const char* where, double lr) {
    require_option(lr >= 0 && std::isfinite(lr), {where, "lr", "a finite number >= 0"}, lr);
}
/// Throws ArgumentError for options out of range. Each condition is false for NaN.
template <class Options>
void check_adam_options(const char* where, const Options& o) {
    const auto not_negative = [&](const char* what, double x) {
        require_option(x >= 0 && std::isfinite(x), {where, what, "a finite number >= 0"}, x);
    };
    const auto below_one = [&](const char* what, double x) {
        require_option(x >= 0 && x < 1, {where, what, "a number in [0, 1)"}, x);
    };
    check_lr(where, o.lr);
    below_one("beta1", o.beta1);
    below_one("beta2", o.beta2);
    not_negative("eps", o.eps);  // as in PyTorch: 0 gives NaN for a weight whose gradient was always 0
    not_negative("weight_decay", o.weight_decay);
}

/// The elements of one leaf that one task updates.
template <std::floating_point T>
struct AdamPiece {
    kernel::AdamFactors<T> factors;
    std::span<const T> grad;
    std::span<T> p, m, v;
};

/// Cuts all leaves into pieces that threads share. One loop for all: a net has many leaves of which few are large, and
/// of a step of 64 images on 16 threads an update by one thread took 2 %.
template <std::floating_point T>
class AdamPieces {
public:
    /// Makes room for a leaf of so many elements.
    void expect(std::size_t elements) {
        expected_ += (elements + most - 1) / most;
        pieces_.reserve(expected_);
    }
    void clear() {
        pieces_.clear();
        pieces_.reserve(expected_);  // a copy of an optimiser has none yet
    }
    void add(const AdamPiece<T>& leaf) {
        for (std::size_t begin = 0; begin < leaf.p.size(); begin += most) {
            const std::size_t n = (std::min)(most, leaf.p.size() - begin);
            pieces_.push_back({leaf.factors, leaf.grad.subspan(begin, n), leaf.p.subspan(begin, n),
                               leaf.m.subspan(begin, n), leaf.v.subspan(begin, n)});
        }
    }
    void update() const {
        kernel::for_each_slot(pieces_.size(), kernel::concurrency(), [&](std::size_t i, std::size_t) {
            const AdamPiece<T>& x = pieces_[i];
            kernel::adamw_update<T>(x.factors, x.grad, x.p, x.m, x.v);
        });
    }

private:
    static constexpr std::size_t most = 16384;  // some 5 us
    std::size_t expected_ = 0;
    std::vector<AdamPiece<T>> pieces_;
};

using AllAdamPieces = std::tuple<AdamPieces<float>, AdamPieces<double>>;

// Visitors, as in optim/clip.hpp.
struct ExpectPieces {
    AllAdamPieces& pieces;

    template <class L>
    void operator()(const ParamPath&, const L& m) const {
        std::get<AdamPieces<typename L::Scalar>>(pieces).expect(m.span().size());
    }
};
template <class Options, class Decay>
struct AddToStep {
    const Options& options;
    double lr, bias1, bias2;
    const std::vector<double>& scales;
    std::size_t& leaf;
    AllAdamPieces& pieces;

    template <class L>
    void operator()(const ParamPath&, L& p, const L& g, L& m, L& v) const {
        using T = typename L::Scalar;
        const double rate = scales.empty() ? lr : lr * scales[leaf++];
        std::get<AdamPieces<T>>(pieces).add({factors<T>(rate, L::Dims::rank), g.span(), p.span(), m.span(), v.span()});
    }
    template <class T>
    kernel::AdamFactors<T> factors(double rate, std::size_t rank) const {
        const auto to = [](double x) { return static_cast<T>(x); };
        return {.one_minus_beta1 = to(1 - options.beta1),
                .beta2 = to(options.beta2),
                .one_minus_beta2 = to(1 - options.beta2),
                .step = to(rate / bias1),
                .root = to(1 / std::sqrt(bias2)),
                .eps = to(options.eps),
                .keep = to(Decay::keep(options, rate, rank)),
                .l2 = to(Decay::l2(options, rank))};
    }
};

/// A parameter set: what a checkpoint keeps of an optimiser.
template <Parameters P>
struct AdamState {
    P m, v;
    Param<std::int64_t, Shape<1>> step;
    Param<double, Shape<1>> lr;  // of the next step; a rate from set_lr is stored only here

    template <class F, class... S>
    static void each(F&& f, S&... s) {
        P::each(with_prefix("adam.m", f), s.m...);
        P::each(with_prefix("adam.v", f), s.v...);
        f("adam.step", s.step...);
        f("adam.lr", s.lr...);
    }
};

template <Parameters P, class Options, class Decay>
class AdamRule {
public:
    using State = AdamState<P>;

    explicit AdamRule(Options options = {}) : options_{std::move(options)} {
        check_adam_options(Decay::rule, options_);
        scales_ = scales_of_leaves(Decay::rule, options_.lr_scale, state_.m);
        P::each(ExpectPieces{pieces_}, state_.m);
        state_.lr[0] = options_.lr;
    }
    /// Deduces the type of the parameters from the model; the model is not used otherwise.
    template <class Model>
        requires std::same_as<typename Model::Params, P>
    explicit AdamRule(const Model&, Options options = {}) : AdamRule(std::move(options)) {}

    void update(P& params, const P& grad) {
        with_fp_environment([&] {
            check_lr(Decay::rule, lr());                          // it and the counter may come from a file
            constexpr std::int64_t most = std::int64_t{1} << 53;  // exact in double
            if (state_.step[0] < 0 || state_.step[0] >= most)
                throw StateError(std::string{Decay::rule} +
                                 ": step: " + expected_got("0 to 2^53 - 1", std::to_string(state_.step[0])));
            const double t = static_cast<double>(state_.step[0] + 1);
            // bias corrections 1 - b^t, folded into the factors of the kernel
            const double bias1 = 1 - std::pow(options_.beta1, t), bias2 = 1 - std::pow(options_.beta2, t);
            std::size_t leaf = 0;
            std::get<AdamPieces<float>>(pieces_).clear();
            std::get<AdamPieces<double>>(pieces_).clear();
            P::each(AddToStep<Options, Decay>{.options = options_,
                                              .lr = lr(),
                                              .bias1 = bias1,
                                              .bias2 = bias2,
                                              .scales = scales_,
                                              .leaf = leaf,
                                              .pieces = pieces_},
                    params, grad, state_.m, state_.v);
            ++state_.step[0];  // nothing from here on throws
            std::get<AdamPieces<float>>(pieces_).update();
            std::get<AdamPieces<double>>(pieces_).update();
        });
    }

    double lr() const { return state_.lr.span()[0]; }
    void set_lr(double lr) {
        check_lr(Decay::rule, lr);
        state_.lr.span()[0] = lr;
    }
    /// With the rate of the next step.
    Options options() const {
        Options now = options_;
        now.lr = lr();
        return now;
    }
    std::size_t steps() const { return static_cast<std::size_t>(state_.step[0]); }

    /// What must agree with a file, in addition to the shapes.
    NamedValues metadata() const { return {{"optimizer", Decay::rule}}; }
    /// Options that a host may override when it loads a file. "lr" is that of the options; the one from set_lr is
    /// state.
    std::vector<Setting> settings() const {
        return {{"lr", number_text(options_.lr), {"adam.lr"}},
                {"beta1", number_text(options_.beta1)},
                {"beta2", number_text(options_.beta2)},
                {"eps", number_text(options_.eps)},
                {"weight_decay", number_text(options_.weight_decay)},
                {"lr_scale", lr_scale_text(options_.lr_scale)}};
    }

    /// Its leaves: "adam.m.<path>", "adam.v.<path>", "adam.step", one 64-bit integer, and "adam.lr".
    State& state() { return state_; }
    const State& state() const { return state_; }

private:
    Options options_;
    std::vector<double> scales_;  // of the rate of each leaf; empty: all 1
    State state_;
    AllAdamPieces pieces_;  // of one update
};

}  // namespace tessera::detail
