#pragma once
// check_loss(check, options): tests every rule of the loss contract (loss/loss.hpp) for one loss, its options and one
// shape of a sample.
//
//     CHECK(check_loss<Mse, Shape<5, 5, 3>>());
//     CHECK(check_loss<GaussianNll, Shape<5, 5, 3>>({.allocations = allocations}, {.eps = 1e-3}));
//
// Check the default options and those that take another path through the code: |y - target| is less than 0.5 here. A
// function changes options that are not one type for float and double (a struct in the bound template):
// [](auto& options) { options.delta = 0.1; }.
//
// Bits are compared in float, gradients in double. y and the target differ by at least 1e-3 in every element, so that
// the differences of a loss with a kink at zero (L1) do not cross it.
//
// Over 250 lines: one function for each rule of the contract.

#include <tessera/core/fp_environment.hpp>
#include <tessera/loss/loss.hpp>
#include <tessera/testing/check_result.hpp>
#include <tessera/testing/detail/allocation_counter.hpp>
#include <tessera/testing/detail/differences.hpp>
#include <tessera/testing/detail/option_check.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI::testing {

struct LossCheckOptions {
    std::size_t batch = 5;    ///< samples
    std::uint64_t seed = 1;   ///< of parameters, y and target
    double step = 1e-6;       ///< of the differences of values
    double tolerance = 1e-6;  ///< largest error of a gradient
    /// The number of calls of operator new so far, of all its forms: testing::allocations (testing/allocations.hpp), or
    /// a function of yours. Without it allocations are not checked.
    std::size_t (*allocations)() = nullptr;
};

namespace detail {

/// The check with the options of the loss under test.
template <class L>
struct LossCheckOf : LossCheckOptions {
    typename L::Options options{};
};

template <Loss L>
struct BoundLoss {
    using T = typename L::Scalar;

    typename L::Params params, grad;
    typename L::Buffers buffers;
    typename L::Options options;
    typename L::Packed w;
    typename L::Cache cache;
    Tensor<T, typename L::Input> y, target, dy;

    explicit BoundLoss(const LossCheckOf<L>& o) : options{o.options}, y{o.batch}, target{o.batch}, dy{o.batch} {
        Rng rng{o.seed};
        L::init(params, buffers, rng);
        L::Params::each(
            [&](const ParamPath&, auto& leaf) {
                for (auto& v : leaf.span()) v += static_cast<T>(rng.uniform(-0.3f, 0.3f));
            },
            params);
        for (std::size_t i = 0; i < y.span().size(); ++i) {
            target.data()[i] = static_cast<T>(rng.uniform());
            const T apart = static_cast<T>(rng.uniform(1e-3f, 0.5f));
            y.data()[i] = target.data()[i] + (rng.below(2) ? apart : -apart);
        }
        std::ranges::fill(dy.span(), poison<T>);
        set_zero(grad);
        pack();
    }
    void pack() { L::pack(std::as_const(params), std::as_const(buffers), options, w); }
    double loss() { return L::loss(std::as_const(w), std::as_const(y), std::as_const(target), cache); }
    double loss_and_grad(std::size_t first, std::size_t n, T scale) {
        return L::loss_and_grad(std::as_const(w), std::as_const(y).view().slice(first, n),
                                std::as_const(target).view().slice(first, n), dy.view().slice(first, n), cache, grad,
                                scale);
    }
};

template <Loss L>
std::string check_loss_options(const LossCheckOf<L>& o) {
    return check_part_options<L>(o.options, {});
}

template <Loss L>
std::string check_loss_init(const LossCheckOf<L>& o) {
    typename L::Params p, p2;
    typename L::Buffers b, b2;
    Rng first{o.seed}, second{o.seed};
    L::init(p, b, first);
    L::init(p2, b2, second);
    std::string failure = detail::differs("params", p, p2);
    if (failure.empty()) failure = detail::differs("buffers", b, b2);
    return failure.empty() ? "" : "init: " + failure;
}

// Params::each and Buffers::each visit everything that a loss reads: a copy of what they visit gives the same sum.
template <Loss L>
std::string check_loss_each(const LossCheckOf<L>& o) {
    auto other = o;
    ++other.seed;
    BoundLoss<L> a{o}, b{other};
    copy_leaves(a.params, b.params);
    copy_leaves(a.buffers, b.buffers);
    b.y = a.y;
    b.target = a.target;
    b.pack();
    const double expected = a.loss(), got = b.loss();
    return got <= expected && got >= expected
               ? ""
               : "each: a copy of all leaves that it visits: loss: expected " + text(expected) + ", got " + text(got);
}

// dy is overwritten, in separate memory or in that of y; loss_and_grad adds to grad; loss has the bits of
// loss_and_grad.
template <Loss L>
std::string check_loss_writes(const LossCheckOf<L>& o) {
    using T = typename L::Scalar;
    BoundLoss<L> bound{o};
    const double sum = bound.loss_and_grad(0, o.batch, T(0.25));
    for (std::size_t i = 0; i < bound.dy.span().size(); ++i)
        if (std::isnan(bound.dy.data()[i]))
            return at("dy", i) + ": expected a number, got the value from before the call";
    if (const double alone = bound.loss(); !(alone <= sum && alone >= sum))
        return "loss and loss_and_grad: expected " + text(sum) + ", got " + text(alone);

    auto expected = bound.grad;
    L::Params::each(
        [](const ParamPath&, auto& leaf) {
            for (auto& v : leaf.span()) v += T(2);
        },
        expected);
    L::Params::each([](const ParamPath&, auto& leaf) { leaf.fill(T(2)); }, bound.grad);
    static_cast<void>(bound.loss_and_grad(0, o.batch, T(0.25)));
    std::string failure;
    L::Params::each(
        [&](const ParamPath& path, const auto& a, const auto& b) {
            for (std::size_t i = 0; i < a.span().size() && failure.empty(); ++i)
                if (!(std::abs(a[i] - b[i]) <= T(1e-5) * (std::max)(T(1), std::abs(a[i]))))
                    failure = "adds to grad: " + at(path.str(), i) + ": expected " + text(static_cast<double>(a[i])) +
                              ", got " + text(static_cast<double>(b[i]));
        },
        expected, bound.grad);
    if (!failure.empty()) return failure;

    const auto dy = bound.dy;
    static_cast<void>(L::loss_and_grad(std::as_const(bound.w), std::as_const(bound.y), std::as_const(bound.target),
                                       bound.y.view(), bound.cache, bound.grad, T(0.25)));
    failure = detail::differs<T>("dy", dy.span(), std::as_const(bound.y).span());
    return failure.empty() ? "" : "dy in the memory of y: " + failure;
}

// A batch in blocks: the same dy, and the same sum. NaN in gives NaN out.
template <Loss L>
std::string check_loss_blocks(const LossCheckOf<L>& o) {
    using T = typename L::Scalar;
    BoundLoss<L> whole{o}, single{o};
    const double sum = whole.loss_and_grad(0, o.batch, T(0.25));
    double parts = 0;
    for (std::size_t n = 0; n < o.batch; ++n) parts += single.loss_and_grad(n, 1, T(0.25));
    const std::string failure =
        detail::differs<T>("dy", std::as_const(whole.dy).span(), std::as_const(single.dy).span());
    if (!failure.empty()) return "samples: the batch at once and one by one: " + failure;
    if (!(std::abs(sum - parts) <= 1e-5 * (std::max)(1.0, std::abs(sum))))
        return "sum of the samples' losses: expected " + text(sum) + ", got " + text(parts);
    for (const bool in_target : {false, true}) {
        BoundLoss<L> bad{o};
        const std::size_t i = bad.y.span().size() > 1 ? 1 : 0;
        (in_target ? bad.target : bad.y).data()[i] = std::numeric_limits<T>::quiet_NaN();
        if (const double got = bad.loss_and_grad(0, o.batch, T(0.25)); !std::isnan(got))
            return std::string{"NaN in "} + (in_target ? "the target" : "y") + ": expected nan, got " + text(got);
    }
    return "";
}

// zero_at_target: with y = target the sum, dy and grad are exactly 0.
template <Loss L>
std::string check_loss_target(const LossCheckOf<L>& o) {
    using T = typename L::Scalar;
    if constexpr (zero_at_target<L>()) {
        BoundLoss<L> bound{o};
        bound.y = bound.target;
        if (const double sum = bound.loss_and_grad(0, o.batch, T(0.25)); sum < 0 || sum > 0 || std::isnan(sum))
            return "zero_at_target: sum: expected 0, got " + text(sum);
        for (std::size_t i = 0; i < bound.dy.span().size(); ++i)
            if (const T v = bound.dy.data()[i]; v < 0 || v > 0)
                return "zero_at_target: " + at("dy", i) + ": expected 0, got " + text(static_cast<double>(v));
        typename L::Params none;
        set_zero(none);
        if (const std::string failure = detail::differs("grad", none, bound.grad); !failure.empty())
            return "zero_at_target: " + failure;
    }
    return "";
}

template <Loss L>
std::string check_loss_allocation(const LossCheckOf<L>& o) {
    using T = typename L::Scalar;
    if (!o.allocations) return "";
    if (const std::string wrong = check_allocation_counter(o.allocations); !wrong.empty()) return wrong;
    BoundLoss<L> bound{o};
    const auto step = [&](std::size_t n) {
        bound.pack();
        static_cast<void>(bound.loss_and_grad(0, n, T(1)));
        static_cast<void>(bound.loss());
    };
    step(o.batch);
    const std::size_t before = o.allocations();
    step(1);
    step(o.batch);
    const std::size_t after = o.allocations();
    if (after == before) return "";
    return "allocation: after the first call with the largest batch: " + expected_got(std::size_t{0}, after - before);
}

// In double, with the scale.
template <Loss L>
std::string check_loss_gradients(const LossCheckOf<L>& o) {
    BoundLoss<L> bound{o};
    constexpr double scale = 0.25;
    static_cast<void>(bound.loss_and_grad(0, o.batch, scale));
    const auto dy = bound.dy;
    const auto grad = bound.grad;
    const auto compare = [&](const std::string& what, std::span<double> v, std::span<const double> g) -> std::string {
        double largest = 1e-3;
        for (const double x : g) largest = (std::max)(largest, std::abs(x));
        for (std::size_t i = 0; i < v.size(); ++i) {
            const double value = v[i];
            const auto with = [&](double x) {
                v[i] = x;
                bound.pack();
                return scale * bound.loss();
            };
            const double expected = (with(value + o.step) - with(value - o.step)) / (2 * o.step);
            v[i] = value;
            if (!(std::abs(expected - g[i]) <= o.tolerance * largest))
                return "gradient: " + at(what, i) + ": expected " + text(expected) + ", got " + text(g[i]);
        }
        return "";
    };
    std::string failure = compare("dy", bound.y.span(), dy.span());
    L::Params::each(
        [&](const ParamPath& path, auto& leaf, const auto& g) {
            if (failure.empty()) failure = compare("grad." + path.str(), leaf.span(), g.span());
        },
        bound.params, grad);
    return failure;
}

template <class L>
std::string loss_name() {
    if constexpr (requires { std::string{L::name}; })
        return std::string{L::name};
    else
        return "loss of " + to_string(typename L::Input{});
}

/// L in float, D the same in double.
template <Loss L, Loss D>
CheckResult run_loss_checks(const LossCheckOf<L>& o, const LossCheckOf<D>& in_double) {
    constexpr std::array checks{&check_loss_options<L>,   &check_loss_init<L>,   &check_loss_writes<L>,
                                &check_loss_blocks<L>,    &check_loss_target<L>, &check_loss_each<L>,
                                &check_loss_allocation<L>};
    std::string failure = at_least_one("batch", o.batch);
    for (std::size_t i = 0; i < checks.size() && failure.empty(); ++i)
        failure = with_fp_environment([&] { return checks[i](o); });
    if (failure.empty()) failure = with_fp_environment([&] { return check_loss_gradients<D>(in_double); });
    std::string omitted;
    not_checked(omitted, !o.allocations, "allocation (no counter)");
    return {failure.empty() ? "" : loss_name<L>() + ": " + failure, omitted};
}

}  // namespace detail

/// `check_loss<Mse, Shape<5, 5, 3>>()`, with the loss's default options.
template <class Spec, StaticShape In>
    requires LossSpec<Spec, In, float> && LossSpec<Spec, In, double>
[[nodiscard]] CheckResult check_loss(const LossCheckOptions& check = {}) {
    using L = BindLoss<Spec, In, float>;
    using D = BindLoss<Spec, In, double>;
    return detail::run_loss_checks<L, D>({check, {}}, {check, {}});
}

/// With these options: `check_loss<GaussianNll, Shape<5, 5, 3>>({}, {.eps = 1e-3})`
template <class Spec, StaticShape In>
    requires LossSpec<Spec, In, float> && LossSpec<Spec, In, double>
[[nodiscard]] CheckResult check_loss(const LossCheckOptions& check,
                                     const typename BindLoss<Spec, In, float>::Options& options) {
    using L = BindLoss<Spec, In, float>;
    using D = BindLoss<Spec, In, double>;
    if constexpr (detail::OneTypeOfOptions<L, D>::value)
        return detail::run_loss_checks<L, D>({check, options}, {check, options});
    else
        return {};
}

/// With the options that `change` makes of the default ones:
/// `check_loss<Huber, Shape<5, 5, 3>>({}, [](auto& options) { options.delta = 0.1; })`
template <class Spec, StaticShape In, class Change>
requires LossSpec<Spec, In, float> && LossSpec<Spec, In, double> &&
    std::invocable<Change&, typename BindLoss<Spec, In, float>::Options&> [[nodiscard]] CheckResult
    check_loss(const LossCheckOptions& check, Change change) {
    using L = BindLoss<Spec, In, float>;
    using D = BindLoss<Spec, In, double>;
    return detail::run_loss_checks<L, D>({check, detail::changed<L>(change)}, {check, detail::changed<D>(change)});
}

}  // namespace tessera::testing
