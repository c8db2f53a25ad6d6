#pragma once
// Checks observe and update of a quantizer, for check_quantizer.

#include <tessera/core/batch_part.hpp>
#include <tessera/testing/detail/bound_quantizer.hpp>
#include <tessera/testing/detail/differences.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI::testing::detail {

// observe adds in the order of the samples: consecutive parts of a batch give the bits of the whole. update is a
// function of its arguments and leaves finite numbers. Without tokens there are no statistics.
template <vq::Quantizer Q>
std::string check_statistics(const QuantizerCheckOf<Q>& o) {
    if constexpr (vq::Observes<Q>) {
        using S = vq::Statistics<Q>;
        BoundQuantizer<Q> bound{o};
        typename Q::Cache own;
        bound.forward({});
        const BatchPart all = BatchPart::whole(o.batch);
        S whole;
        bound.observe(whole, 0, o.batch, all, own);
        std::string failure;
        for (std::size_t cut = 0; cut <= o.batch && failure.empty(); ++cut) {
            S continued;
            BatchPart second = all;
            second.first = cut;
            bound.observe(continued, 0, cut, all, own);
            bound.observe(continued, cut, o.batch - cut, second, own);
            failure = detail::differs("two processes, cut at " + std::to_string(cut) + ": ", whole, continued);
        }
        // two batches of one update, into the same statistics and into separate ones
        BatchPart first = all, second = all;
        first.micro_batches = 2;
        second.micro_batches = 2;
        second.micro_batch = 1;
        S one, a, b, sum;
        bound.observe(one, 0, o.batch, first, own);
        bound.observe(one, 0, o.batch, second, own);
        bound.observe(a, 0, o.batch, first, own);
        bound.observe(b, 0, o.batch, second, own);
        S::each(
            [](const ParamPath&, auto& to, const auto& x, const auto& y) {
                for (std::size_t i = 0; i < x.span().size(); ++i) to[i] = x[i] + y[i];
            },
            sum, a, b);
        if (failure.empty()) failure = beyond_tolerance("two batches of an update: ", sum, one);

        auto params = bound.params, params2 = bound.params;
        auto buffers = bound.buffers, buffers2 = bound.buffers;
        vq::update<Q>(params, buffers, whole, bound.options);
        vq::update<Q>(params2, buffers2, whole, bound.options);
        if (failure.empty()) failure = detail::differs("update twice from the same: params", params, params2);
        if (failure.empty()) failure = detail::differs("update twice from the same: buffers", buffers, buffers2);
        std::ranges::fill(bound.tokens.span(), no_token);
        S absent;
        bound.observe(absent, 0, o.batch, all, own);
        if (failure.empty()) failure = beyond_tolerance("absence: ", S{}, absent);
        vq::update<Q>(params, buffers, S{}, bound.options);
        Q::Buffers::each(
            [&](const ParamPath& path, const auto& leaf) {
                for (std::size_t i = 0; i < leaf.span().size(); ++i)
                    if (!std::isfinite(static_cast<double>(leaf[i])) && failure.empty())
                        failure = "update with nothing seen: " + at(path.str(), i) + ": expected a finite number";
            },
            buffers);
        return failure.empty() ? "" : "statistics: " + failure;
    }
    return "";
}

}  // namespace tessera::testing::detail
