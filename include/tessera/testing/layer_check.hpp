#pragma once
// check_layer(options): tests every rule of the layer contract (nn/layer.hpp) for one layer, of the library or yours.
//
//     TEST_CASE("Square keeps the contract") { CHECK(check_layer<Square, Shape<3>>()); }
//
//     init           gives the same parameters for the same Rng, and every leaf has its own name
//     each           visits everything that forward reads: a leaf that it forgets would not be trained, saved or loaded
//     gradient       backward agrees with central differences in double (testing/gradient_check.hpp)
//     forward        overwrites all of y
//     backward       overwrites dx, adds to grad
//     backward_params  gives the gradient of backward, bit for bit
//     cache          is a value: backward works with a copy
//     samples        are independent: a batch at once and one by one give the same bits
//     rounds         a team that computes the layer round by round (nn/exec/rounds.hpp) gives the bits of forward
//     steps          some tokens at a time (nn/step.hpp), where the layer supports it, give the bits of forward, and
//                    leave what is behind the rows of y as it was. The result says so where it does not:
//                    CheckResult::not_checked; nn::CanStep<L> is a static_assert
//     threads        1, 2 and 3 slots that share the weights give the same bits
//     allocation     nothing is allocated after the first call: only with LayerCheckOptions::allocations, a counter
//
// Each backward has its own forward before it, because a layer may use up its cache.
//
// Over 250 lines: one function for each rule of the contract.

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/kernel/threads/team.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/testing/bound_layer.hpp>
#include <tessera/testing/detail/allocation_counter.hpp>
#include <tessera/testing/detail/step_check.hpp>
#include <tessera/testing/gradient_check.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::testing {

struct LayerCheckOptions {
    GradientCheckOptions gradient{};  ///< of check_gradient, which runs in double
    std::size_t batch = 5;            ///< samples of the other checks
    /// The number of calls of operator new so far, of all its forms: testing::allocations (testing/allocations.hpp), or
    /// a function of yours. Without it allocations are not checked.
    std::size_t (*allocations)() = nullptr;
};

namespace detail {

template <nn::Layer L>
BoundLayer<L> bound_layer(const LayerCheckOptions& o) {
    return BoundLayer<L>{o.batch, {o.gradient.seed, o.gradient.vocab}};
}

template <nn::Layer L>
std::string check_init(const LayerCheckOptions& o) {
    typename L::Params a, b;
    Rng first{o.gradient.seed}, second{o.gradient.seed};
    L::init(a, first);
    L::init(b, second);
    std::string failure = detail::differs("params", a, b);
    std::set<std::string> names;
    L::Params::each(
        [&](const ParamPath& path, const auto&) {
            if (!names.insert(path.str()).second) failure = path.str() + ": expected a unique name, got it twice";
        },
        a);
    return failure.empty() ? "" : "init: " + failure;
}

// Other parameters into which the leaves of `each` are copied give the same y. A forgotten leaf that init sets to a
// constant is the same in both, and not found.
template <nn::Layer L>
std::string check_each(const LayerCheckOptions& o) {
    using T = typename L::Scalar;
    auto a = bound_layer<L>(o);
    BoundLayer<L> b{o.batch, {o.gradient.seed + 1, o.gradient.vocab}};
    copy_leaves(a.params, b.params);
    b.x = a.x;
    b.pass = a.pass;
    b.places = a.places;
    b.pack();
    a.forward();
    b.forward();
    const std::string failure = detail::differs<T>("y", std::as_const(a.y).span(), std::as_const(b.y).span());
    return failure.empty() ? "" : "each: a copy of all leaves that it visits: " + failure;
}

template <nn::Layer L>
std::string check_writes(const LayerCheckOptions& o) {
    using T = typename L::Scalar;
    auto bound = bound_layer<L>(o);
    std::ranges::fill(bound.y.span(), poison<T>);
    std::ranges::fill(bound.dx.span(), poison<T>);
    bound.forward();
    for (std::size_t i = 0; i < bound.y.span().size(); ++i)
        if (std::isnan(bound.y.data()[i]))
            return "forward: " + at("y", i) + ": expected a number, got the value from before the call";
    bound.backward();
    for (std::size_t i = 0; i < bound.dx.span().size(); ++i)
        if (std::isnan(bound.dx.data()[i]))
            return "backward: " + at("dx", i) + ": expected a number, got the value from before the call";

    const auto once = bound.grad;
    L::Params::each([](const ParamPath&, auto& leaf) { leaf.fill(T(2)); }, bound.grad);
    bound.forward();
    bound.backward();
    std::string failure;
    L::Params::each(
        [&](const ParamPath& path, const auto& a, const auto& b) {
            T largest = 2;
            for (T value : a.span()) largest = (std::max)(largest, std::abs(value));
            for (std::size_t i = 0; i < a.span().size() && failure.empty(); ++i)
                if (!(std::abs(b[i] - (a[i] + 2)) <= T(1e-5) * largest))
                    failure = "backward: adds to grad: " + at("grad." + path.str(), i) + ": expected 2 + " +
                              text(static_cast<double>(a[i])) + ", got " + text(static_cast<double>(b[i]));
        },
        once, bound.grad);
    return failure;
}

template <nn::Layer L>
std::string check_backward_params(const LayerCheckOptions& o) {
    auto bound = bound_layer<L>(o);
    bound.forward();
    bound.backward();
    const auto expected = bound.grad;
    set_zero(bound.grad);
    bound.forward();
    bound.backward_params();
    const std::string failure = detail::differs("grad", expected, bound.grad);
    return failure.empty() ? "" : "backward_params: " + failure;
}

template <nn::Layer L>
std::string check_cache(const LayerCheckOptions& o) {
    using T = typename L::Scalar;
    auto a = bound_layer<L>(o), b = bound_layer<L>(o);
    a.forward();
    b.forward();
    a.backward();
    {
        const auto copy = b.cache;
        b.cache = {};
        b.cache = copy;
    }
    b.backward();
    std::string failure = detail::differs<T>("dx", std::as_const(a.dx).span(), std::as_const(b.dx).span());
    if (failure.empty()) failure = detail::differs("grad", a.grad, b.grad);
    return failure.empty() ? "" : "cache: backward with a copy: " + failure;
}

template <nn::Layer L>
std::string check_samples(const LayerCheckOptions& o) {
    using T = typename L::Scalar;
    auto whole = bound_layer<L>(o), single = bound_layer<L>(o);
    whole.forward();
    whole.backward();
    for (std::size_t n = 0; n < o.batch; ++n) {
        single.forward(n, 1);
        single.backward(n, 1);
    }
    std::string failure = detail::differs<T>("y", std::as_const(whole.y).span(), std::as_const(single.y).span());
    if (failure.empty())
        failure = detail::differs<T>("dx", std::as_const(whole.dx).span(), std::as_const(single.dx).span());
    return failure.empty() ? "" : "samples: the batch at once and one by one: " + failure;
}

template <nn::Layer L>
std::string check_rounds(const LayerCheckOptions& o) {
    using T = typename L::Scalar;
    auto whole = bound_layer<L>(o);
    whole.forward();
    for (std::size_t workers = 1; workers <= 3; ++workers) {
        auto shared = bound_layer<L>(o);
        std::ranges::fill(shared.y.span(), poison<T>);
        nn::begin<L>(shared.cache, shared.pass_from(0));
        nn::resize_cache<L>(shared.cache, o.batch);
        kernel::run_team(workers, nn::rounds<L>, [&](const kernel::Worker& me, std::size_t number) {
            nn::forward_round<L>(shared.w, shared.x, shared.y.view(), shared.cache, {me, number});
        });
        const std::string failure =
            detail::differs<T>("y", std::as_const(whole.y).span(), std::as_const(shared.y).span());
        if (!failure.empty()) return "rounds: forward and a team of " + std::to_string(workers) + ": " + failure;
    }
    return "";
}

// Blocks of two samples, claimed by `slot_count` tasks: y and dx of all samples, and a separate gradient for each
// block.
template <nn::Layer L>
struct Blocks {
    static constexpr std::size_t samples = 2, count = 5;
    BoundLayer<L> bound;
    std::vector<typename L::Params> grads{count};

    Blocks(const LayerCheckOptions& o, std::size_t slot_count)
        : bound{samples * count - 1, {o.gradient.seed, o.gradient.vocab}} {
        std::vector<typename L::Cache> caches(slot_count);
        kernel::for_each_slot(count, slot_count, [&](std::size_t block, std::size_t slot) {
            const std::size_t first = block * samples, n = (std::min)(samples, bound.x.batch() - first);
            const auto x = std::as_const(bound.x).view().slice(first, n);
            const auto y = bound.y.view().slice(first, n);
            const auto dy = std::as_const(bound.dy).view().slice(first, n);
            nn::begin<L>(caches[slot], bound.pass_from(first));
            L::forward(std::as_const(bound.w), x, y, caches[slot]);
            if constexpr (nn::TakesTokens<L>)
                L::backward_params(std::as_const(bound.w), x, y, dy, caches[slot], grads[block]);
            else
                L::backward(std::as_const(bound.w), x, y, dy, bound.dx.view().slice(first, n), caches[slot],
                            grads[block]);
        });
    }
};

template <nn::Layer L>
std::string check_threads(const LayerCheckOptions& o) {
    using T = typename L::Scalar;
    const Blocks<L> one{o, 1};
    for (std::size_t slot_count = 2; slot_count <= 3; ++slot_count) {
        const Blocks<L> more{o, slot_count};
        std::string failure = detail::differs<T>("y", one.bound.y.span(), more.bound.y.span());
        if (failure.empty()) failure = detail::differs<T>("dx", one.bound.dx.span(), more.bound.dx.span());
        for (std::size_t block = 0; block < one.grads.size() && failure.empty(); ++block)
            failure = detail::differs("grad", one.grads[block], more.grads[block]);
        if (!failure.empty()) return "threads: 1 and " + std::to_string(slot_count) + " slots: " + failure;
    }
    return "";
}

template <nn::Layer L>
std::string check_allocation(const LayerCheckOptions& o) {
    if (!o.allocations) return "";
    if (const std::string wrong = check_allocation_counter(o.allocations); !wrong.empty()) return wrong;
    auto bound = bound_layer<L>(o);
    const auto step = [&](std::size_t batch) {
        bound.pack();
        bound.forward(0, batch);
        bound.backward(0, batch);
        bound.forward(0, batch);
        if (batch == o.batch) bound.backward_params();
    };
    step(o.batch);
    const std::size_t before = o.allocations();
    step(1);
    step(o.batch);
    const std::size_t after = o.allocations();
    if (after == before) return "";
    return "allocation: after the first call with the largest batch: " + expected_got(std::size_t{0}, after - before);
}

}  // namespace detail

/// `check_layer<LayerNorm, Shape<49, 128>>()`. Bits are compared in float, gradients in double.
template <class Spec, StaticShape In>
    requires(nn::LayerSpec<Spec, In, float>&& nn::LayerSpec<Spec, In, double>)
[[nodiscard]] CheckResult check_layer(const LayerCheckOptions& options = {}) {
    using L = typename Spec::template Bind<In, float>;
    using D = typename Spec::template Bind<In, double>;
    using Check = std::string (*)(const LayerCheckOptions&);
    // clang-format off
    constexpr Check checks[] = {
        &detail::check_init<L>,   &detail::check_writes<L>, &detail::check_backward_params<L>, &detail::check_cache<L>,
        &detail::check_samples<L>, &detail::check_rounds<L>, &detail::check_threads<L>, &detail::check_each<L>,
        &detail::check_allocation<L>,
        &detail::check_steps<nn::BasicChain<float, In, Spec>, LayerCheckOptions>};
    // clang-format on
    std::string failure = detail::at_least_one("batch", options.batch);
    if (failure.empty()) failure = with_fp_environment([&] { return detail::check_gradient<D>(options.gradient); });
    for (const Check rule : checks)
        if (failure.empty()) failure = with_fp_environment([&] { return rule(options); });
    std::string omitted;
    detail::not_checked(omitted, !nn::CanStep<nn::BasicChain<float, In, Spec>>, "steps (the layer has none)");
    detail::not_checked(omitted, !options.allocations, "allocation (no counter)");
    return {failure.empty() ? "" : detail::name_of<L>() + ": " + failure, omitted};
}

}  // namespace tessera::testing
