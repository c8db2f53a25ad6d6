#pragma once
// check_quantizer(check, options): tests every rule of the quantizer contract (vq/quantizer.hpp) for one quantizer, its
// options and one shape.
//
//     CHECK(check_quantizer<Codebook<16>, Shape<3, 3, 4>>());
//     CHECK(check_quantizer<Codebook<16>, Shape<3, 3, 4>>({.allocations = allocations}, {.commitment = 1}));
//
// Check the default options and those that take another path through the code. A function changes options that are not
// one type for float and double (a struct in the bound template): [](auto& options) { options.weight = 2; }.
//
// Bits are compared in float, gradients in double. A gradient estimator for "nearest" is not the derivative of
// anything, so a quantizer's own test compares its backward with the formula. A quantizer whose forward is
// differentiable while the tokens stay the same (testing::Smooth, and quantizers built around it) is checked with
// `.differentiable = true`: backward is then compared with differences of sum(dq q).
//
// Over 250 lines: one function for each rule of the contract.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/testing/check_result.hpp>
#include <tessera/testing/detail/allocation_counter.hpp>
#include <tessera/testing/detail/bound_quantizer.hpp>
#include <tessera/testing/detail/differences.hpp>
#include <tessera/testing/detail/option_check.hpp>
#include <tessera/testing/detail/quantizer_gradients.hpp>
#include <tessera/testing/detail/quantizer_nan.hpp>
#include <tessera/testing/detail/quantizer_statistics.hpp>
#include <tessera/testing/quantizer_check_options.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI::testing {

namespace detail {

template <vq::Quantizer Q>
std::string check_quantizer_options(const QuantizerCheckOf<Q>& o) {
    return check_part_options<Q>(o.options, {"tokens", "quantizer", "loss"});
}

template <vq::Quantizer Q>
std::string check_quantizer_init(const QuantizerCheckOf<Q>& o) {
    typename Q::Params p, p2;
    typename Q::Buffers b, b2;
    Rng first{o.seed}, second{o.seed};
    Q::init(p, b, first);
    Q::init(p2, b2, second);
    std::string failure = detail::differs("params", p, p2);
    if (failure.empty()) failure = detail::differs("buffers", b, b2);
    std::set<std::string> names;
    const auto add = [&](const ParamPath& path, const auto&) {
        if (!names.insert(path.str()).second) failure = path.str() + ": expected a unique name, got it twice";
    };
    Q::Params::each(add, p);
    Q::Buffers::each(add, b);
    return failure.empty() ? "" : "init: " + failure;
}

// Params::each and Buffers::each visit everything that a quantizer reads: a copy of what they visit gives the same q.
template <vq::Quantizer Q>
std::string check_quantizer_each(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    auto other = o;
    ++other.seed;
    BoundQuantizer<Q> a{o}, b{other};
    copy_leaves(a.params, b.params);
    copy_leaves(a.buffers, b.buffers);
    b.z = a.z;
    b.pack();
    a.forward({});
    b.forward({});
    const std::string failure = detail::differs<T>("q", std::as_const(a.q).span(), std::as_const(b.q).span());
    return failure.empty() ? "" : "each: a copy of all leaves that it visits: " + failure;
}

// In evaluation: all of q is written, tokens are in range, and lookup gives the same bits; also after
// vq::initialize_from_data.
template <vq::Quantizer Q>
std::string check_evaluation(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    BoundQuantizer<Q> bound{o};
    for (const bool initialized : {false, true}) {
        const std::string when = initialized ? "evaluation after initialize_from_data: " : "evaluation: ";
        if (initialized) {
            vq::initialize_from_data<Q>(bound.params, bound.buffers, std::as_const(bound.z), bound.options, Rng{3});
            bound.pack();
        }
        std::ranges::fill(bound.q.span(), poison<T>);
        std::ranges::fill(bound.tokens.span(), no_token);
        bound.forward({});
        const auto tokens = bound.tokens;
        for (std::size_t i = 0; i < tokens.span().size(); ++i)
            if (const std::size_t codes = vq::codes_of<Q>(i % Q::tokens); tokens.data()[i] >= codes)
                return when + at("tokens", i) + ": " +
                       expected_got("less than " + std::to_string(codes), std::to_string(tokens.data()[i]));
        const auto q = bound.q;
        for (std::size_t i = 0; i < q.span().size(); ++i)
            if (!std::isfinite(q.data()[i])) return when + at("q", i) + ": expected a finite number, got none";
        std::ranges::fill(bound.q.span(), poison<T>);
        bound.cache = {};
        bound.lookup(0, o.batch);
        const std::string failure = detail::differs<T>("q", q.span(), std::as_const(bound.q).span());
        if (!failure.empty()) return when + "forward and lookup: " + failure;
        if constexpr (vq::EncodesRows<Q>) {
            constexpr std::size_t rows = row_count<typename Q::Input>;
            std::ranges::fill(bound.tokens.span(), no_token);
            for (std::size_t row = 0; row < o.batch * rows; row += 2)
                Q::encode_rows(std::as_const(bound.w), std::as_const(bound.z), bound.tokens.view(), row,
                               (std::min)(row + 2, o.batch * rows));
            for (std::size_t i = 0; i < tokens.span().size(); ++i)
                if (tokens.data()[i] != bound.tokens.data()[i])
                    return when + "encode_rows: " + at("tokens", i) + ": " +
                           expected_got(tokens.data()[i], bound.tokens.data()[i]);
        }
    }
    return "";
}

// Any tokens; the batch at once and one by one; a position without tokens.
template <vq::Quantizer Q>
std::string check_lookup(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    BoundQuantizer<Q> bound{o};
    Rng rng{o.seed + 1};
    for (std::size_t i = 0; i < bound.tokens.span().size(); ++i)
        bound.tokens.data()[i] = rng.below(static_cast<std::uint32_t>(vq::codes_of<Q>(i % Q::tokens)));
    bound.lookup(0, o.batch);
    auto whole = bound.q;
    std::ranges::fill(bound.q.span(), poison<T>);
    for (std::size_t n = 0; n < o.batch; ++n) bound.lookup(n, 1);
    std::string failure = detail::differs<T>("q", std::as_const(whole).span(), std::as_const(bound.q).span());
    constexpr std::size_t positions = row_count<typename Q::Output>, width = last_dim<typename Q::Output>;
    if constexpr (positions > 1 && Q::tokens % positions == 0) {  // each position has the same number of tokens
        constexpr std::size_t per = Q::tokens / positions;
        std::fill_n(bound.tokens.data() + per, per, no_token);
        bound.lookup(0, o.batch);
        std::fill_n(whole.data() + width, width, T(0));
        if (failure.empty())
            failure = detail::differs<T>("q without the tokens of position 1", std::as_const(whole).span(),
                                         std::as_const(bound.q).span());
    }
    return failure.empty() ? "" : "lookup: " + failure;
}

template <vq::Quantizer Q>
std::string check_independence(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    BoundQuantizer<Q> whole{o}, single{o};
    whole.forward(whole.pass);
    whole.backward(0, o.batch);
    static_cast<void>(whole.regularize(0, o.batch, 5));
    for (std::size_t n = 0; n < o.batch; ++n) {
        single.forward(single.pass, n, 1);
        single.backward(n, 1);
        static_cast<void>(single.regularize(n, 1, 5));
    }
    std::string failure = detail::differs<T>("q", std::as_const(whole.q).span(), std::as_const(single.q).span());
    if (failure.empty())
        failure = detail::differs<T>("dz", std::as_const(whole.dz).span(), std::as_const(single.dz).span());
    for (std::size_t i = 0; i < whole.tokens.span().size() && failure.empty(); ++i)
        if (whole.tokens.data()[i] != single.tokens.data()[i])
            failure = at("tokens", i) + ": " + expected_got(whole.tokens.data()[i], single.tokens.data()[i]);
    return failure.empty() ? "" : "samples: the batch at once and one by one: " + failure;
}

// backward overwrites dz; regularize adds to dz; both add to grad; positions without tokens have gradient 0.
template <vq::Quantizer Q>
std::string check_additions(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    BoundQuantizer<Q> bound{o};
    bound.forward(bound.pass);
    bound.backward(0, o.batch);
    for (std::size_t i = 0; i < bound.dz.span().size(); ++i)
        if (std::isnan(bound.dz.data()[i]))
            return "backward: " + at("dz", i) + ": expected a number, got the value from before the call";
    const auto before = bound.dz;
    static_cast<void>(bound.regularize(0, o.batch, 5));
    const auto both = bound.dz;
    std::ranges::fill(bound.dz.span(), T(0));
    static_cast<void>(bound.regularize(0, o.batch, 5));
    for (std::size_t i = 0; i < both.span().size(); ++i)
        if (!(std::abs(both.data()[i] - before.data()[i] - bound.dz.data()[i]) <= T(1e-4)))
            return "regularize: adds to dz: " + at("dz", i) + ": expected " +
                   text(static_cast<double>(before.data()[i] + bound.dz.data()[i])) + ", got " +
                   text(static_cast<double>(both.data()[i]));

    set_zero(bound.grad);
    bound.backward(0, o.batch);
    static_cast<void>(bound.regularize(0, o.batch, 5));
    auto expected = bound.grad;
    Q::Params::each(
        [](const ParamPath&, auto& leaf) {
            for (auto& v : leaf.span()) v += T(2);
        },
        expected);
    Q::Params::each([](const ParamPath&, auto& leaf) { leaf.fill(T(2)); }, bound.grad);
    bound.backward(0, o.batch);
    static_cast<void>(bound.regularize(0, o.batch, 5));
    std::string failure = beyond_tolerance("adds to grad: ", expected, bound.grad);
    if (!failure.empty()) return failure;

    std::ranges::fill(bound.tokens.span(), no_token);
    std::ranges::fill(bound.q.span(), T(0));
    set_zero(bound.grad);
    bound.backward(0, o.batch);
    const auto terms = bound.regularize(0, o.batch, 5);
    for (std::size_t i = 0; i < bound.dz.span().size(); ++i)
        if (bound.dz.data()[i] != T(0))
            return "absence: " + at("dz", i) + ": expected 0, got " + text(static_cast<double>(bound.dz.data()[i]));
    failure = beyond_tolerance("absence: grad.", typename Q::Params{}, bound.grad);
    if (!failure.empty()) return failure;
    if (const double sum = vq::sum_terms(terms); !(sum <= 0 && sum >= 0))
        return "absence: terms: expected 0, got " + text(sum);
    return "";
}

// What is packed of the whole batch is for terms only, and the same for the same batch, also after another one.
template <vq::Quantizer Q>
std::string check_pack_batch(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    if constexpr (vq::PacksBatch<Q>) {
        BoundQuantizer<Q> bound{o}, alone{o};
        Q::pack(std::as_const(alone.params), std::as_const(alone.buffers), alone.options, alone.w);
        bound.forward(bound.pass);
        alone.forward(alone.pass);
        for (std::size_t i = 0; i < bound.tokens.span().size(); ++i)
            if (bound.tokens.data()[i] != alone.tokens.data()[i])
                return "pack_batch: " + at("tokens", i) + ": " +
                       expected_got(alone.tokens.data()[i], bound.tokens.data()[i]);
        std::string failure = detail::differs<T>("q", std::as_const(alone.q).span(), std::as_const(bound.q).span());
        if (!failure.empty()) return "pack_batch: " + failure;
        const auto gradient = [&] {
            std::ranges::fill(bound.dz.span(), T(0));
            static_cast<void>(bound.regularize(0, o.batch, 5));
            return bound.dz;
        };
        const auto dz = gradient();
        vq::pack_batch<Q>(std::as_const(bound.z).view().slice(0, 1), bound.w, bound.packing);
        vq::pack_batch<Q>(std::as_const(bound.z), bound.w, bound.packing);
        const auto again = gradient();
        failure = detail::differs<T>("dz", dz.span(), again.span());
        if (!failure.empty()) return "pack_batch: after another batch: " + failure;
    }
    return "";
}

// Terms are sums over samples, and their gradient is divided by the divisor.
template <vq::Quantizer Q>
std::string check_divisor(const QuantizerCheckOf<Q>& o) {
    using T = typename Q::Scalar;
    if constexpr (vq::Regularizes<Q>) {
        BoundQuantizer<Q> bound{o};
        bound.forward(bound.pass);
        std::ranges::fill(bound.dz.span(), T(0));
        const double whole = vq::sum_terms(bound.regularize(0, o.batch, 1));
        const auto dz = bound.dz;
        std::ranges::fill(bound.dz.span(), T(0));
        const double again = vq::sum_terms(bound.regularize(0, o.batch, 4));
        if (!(std::abs(whole - again) <= 1e-6 * std::abs(whole)))
            return "regularize: terms with divisor 4: expected " + text(whole) + ", got " + text(again);
        for (std::size_t i = 0; i < dz.span().size(); ++i)
            if (!(std::abs(dz.data()[i] / 4 - bound.dz.data()[i]) <= T(1e-5)))
                return "regularize: divisor 4: " + at("dz", i) + ": expected " +
                       text(static_cast<double>(dz.data()[i] / 4)) + ", got " +
                       text(static_cast<double>(bound.dz.data()[i]));
        double sum = 0;
        for (std::size_t n = 0; n < o.batch; ++n) {
            bound.forward(bound.pass, n, 1);
            sum += vq::sum_terms(bound.regularize(n, 1, 1));
        }
        if (!(std::abs(whole - sum) <= 1e-5 * std::abs(whole)))
            return "regularize: sum of the samples' terms: expected " + text(whole) + ", got " + text(sum);
    }
    return "";
}

template <vq::Quantizer Q>
std::string check_quantizer_allocation(const QuantizerCheckOf<Q>& o) {
    if (!o.allocations) return "";
    if (const std::string wrong = check_allocation_counter(o.allocations); !wrong.empty()) return wrong;
    BoundQuantizer<Q> bound{o};
    typename Q::Cache own;
    vq::Statistics<Q> statistics;
    const auto step = [&](std::size_t n) {
        bound.pack();
        bound.forward(bound.pass, 0, n);
        bound.backward(0, n);
        static_cast<void>(bound.regularize(0, n, 5));
        bound.observe(statistics, 0, n, BatchPart::whole(n), own);
        vq::update<Q>(bound.params, bound.buffers, statistics, bound.options);
        bound.forward({}, 0, n);
        bound.lookup(0, n);
    };
    step(o.batch);
    const std::size_t before = o.allocations();
    step(1);
    step(o.batch);
    const std::size_t after = o.allocations();
    if (after == before) return "";
    return "allocation: after the first call with the largest batch: " + expected_got(std::size_t{0}, after - before);
}

template <class Q>
std::string quantizer_name() {
    if constexpr (requires { std::string{Q::name}; })
        return std::string{Q::name};
    else
        return "quantizer of " + to_string(typename Q::Input{});
}

/// Q in float, D the same in double.
template <vq::Quantizer Q, vq::Quantizer D>
CheckResult run_quantizer_checks(const QuantizerCheckOf<Q>& o, const QuantizerCheckOf<D>& in_double) {
    constexpr std::array checks{&check_quantizer_options<Q>, &check_quantizer_init<Q>,
                                &check_evaluation<Q>,        &check_lookup<Q>,
                                &check_independence<Q>,      &check_additions<Q>,
                                &check_pack_batch<Q>,        &check_divisor<Q>,
                                &check_statistics<Q>,        &check_nan<Q>,
                                &check_quantizer_each<Q>,    &check_quantizer_allocation<Q>};
    std::string failure = at_least_one("batch", o.batch);
    for (std::size_t i = 0; i < checks.size() && failure.empty(); ++i)
        failure = with_fp_environment([&] { return checks[i](o); });
    if (failure.empty()) failure = with_fp_environment([&] { return check_quantizer_gradients<D>(in_double); });
    std::string omitted;
    not_checked(omitted, !o.differentiable, "the derivative of forward (differentiable is not set)");
    not_checked(omitted, vq::Regularizes<Q> && !o.terms_move_params,
                "what terms add to grad (terms_move_params is not set)");
    not_checked(omitted, !o.allocations, "allocation (no counter)");
    return {failure.empty() ? "" : quantizer_name<Q>() + ": " + failure, omitted};
}

}  // namespace detail

/// `check_quantizer<Codebook<16>, Shape<3, 3, 4>>()`, with the quantizer's default options.
template <class Spec, StaticShape In>
    requires vq::QuantizerSpec<Spec, In, float> && vq::QuantizerSpec<Spec, In, double>
[[nodiscard]] CheckResult check_quantizer(const QuantizerCheckOptions& check = {}) {
    using Q = vq::BindQuantizer<Spec, In, float>;
    using D = vq::BindQuantizer<Spec, In, double>;
    return detail::run_quantizer_checks<Q, D>({check, {}}, {check, {}});
}

/// With these options: `check_quantizer<Codebook<16>, Shape<3, 3, 4>>({}, {.commitment = 1})`
template <class Spec, StaticShape In>
    requires vq::QuantizerSpec<Spec, In, float> && vq::QuantizerSpec<Spec, In, double>
[[nodiscard]] CheckResult check_quantizer(const QuantizerCheckOptions& check,
                                          const typename vq::BindQuantizer<Spec, In, float>::Options& options) {
    using Q = vq::BindQuantizer<Spec, In, float>;
    using D = vq::BindQuantizer<Spec, In, double>;
    if constexpr (detail::OneTypeOfOptions<Q, D>::value)
        return detail::run_quantizer_checks<Q, D>({check, options}, {check, options});
    else
        return {};
}

/// With the options that `change` makes of the default ones:
/// `check_quantizer<Mine, Shape<3, 4>>({}, [](auto& options) { options.weight = 2; })`
template <class Spec, StaticShape In, class Change>
requires vq::QuantizerSpec<Spec, In, float> && vq::QuantizerSpec<Spec, In, double> &&
    std::invocable<Change&, typename vq::BindQuantizer<Spec, In, float>::Options&> [[nodiscard]] CheckResult
    check_quantizer(const QuantizerCheckOptions& check, Change change) {
    using Q = vq::BindQuantizer<Spec, In, float>;
    using D = vq::BindQuantizer<Spec, In, double>;
    return detail::run_quantizer_checks<Q, D>({check, detail::changed<Q>(change)}, {check, detail::changed<D>(change)});
}

}  // namespace tessera::testing
