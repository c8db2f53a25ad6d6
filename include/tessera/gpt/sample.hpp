#pragma once
// sample: draws new sequences from a Gpt, token by token.
//
//     logits / temperature -> the top_k largest -> the smallest set whose probability reaches top_p -> draw
//              (top-k: Fan, Lewis, Dauphin 2018, arXiv:1805.04833; top-p: Holtzman et al. 2019, arXiv:1904.09751)
//
// Equal logits are ordered by token; the token that crosses top_p is kept, so the set is never empty. Sequence n draws
// from a separate stream, rng.split(n): neither the number of sequences drawn together nor the number of threads
// changes any of them (promised in float; double is for gradient checks, see kernel/gemm/plain_product.hpp).
//
// Shapes   result: `count` sequences of `context` tokens
// Errors   ArgumentError for an option out of range or a wrong number of labels; NumericError where the logits are not
//          finite
// Cost     `context` steps of a KvCache. Up to 8 sequences: all threads share each token; more: each thread has a
//          KvCache of up to 32 sequences, whose products share each load of the weights

#include <tessera/core/error.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/softmax.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/kernel/threads/team.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct SampleOptions {
    float temperature = 1;               ///< > 0; logits are divided by it
    std::size_t top_k = 0;               ///< 0: all tokens
    double top_p = 1;                    ///< in (0, 1]
    std::span<const Label> labels = {};  ///< one per sequence, or empty: the null class
};

namespace detail {
/// Draws i with probability weights[i] / total, never one of weight 0. It first finds the block of i by the sums of
/// blocks: 256 dependent subtractions cost as much as the softmax.
template <std::floating_point T>
class Draw {
public:
    explicit Draw(std::span<const T> weights) : weights_{weights} {
        for (std::size_t i = 0; i < weights.size(); i += block) total_ += sum(i);
    }
    double total() const { return total_; }
    Token operator()(double uniform) const {
        double at = uniform * total_, left = at;
        std::size_t first = 0, chosen = 0;
        for (std::size_t i = 0; i < weights_.size() && !(left < 0); i += block)
            if (const double s = sum(i); s > 0) {
                first = i;
                at = left;
                left -= s;
            }
        for (std::size_t i = first; i < (std::min)(first + block, weights_.size()) && !(at < 0); ++i)
            if (const double w = static_cast<double>(weights_[i]); w > 0) {
                chosen = i;
                at -= w;
            }
        return static_cast<Token>(chosen);
    }

private:
    static constexpr std::size_t block = kernel::simd::lanes;
    double sum(std::size_t i) const {
        const std::size_t count = (std::min)(block, weights_.size() - i);
        return static_cast<double>(kernel::simd::sum<T>(
            count, [](const auto& v) { return v; }, weights_.data() + i));
    }
    std::span<const T> weights_;
    double total_ = 0;
};
}  // namespace detail

/// Draws one token. Overwrites the logits with the weights of the tokens. `order` is scratch of the same length, used
/// where top_k or top_p excludes tokens.
template <std::floating_point T>
Token draw_token(std::span<T> logits, const SampleOptions& options, std::span<Token> order, Rng& rng) {
    // weights = e^((logits - max) / temperature). The maximum is subtracted first, because at a temperature near 0 the
    // quotient would overflow.
    const kernel::simd::Vec<T> largest(kernel::simd::largest(logits.size(), logits.data()));
    const kernel::simd::Vec<T> factor(
        (std::min)(T(1) / static_cast<T>(options.temperature), (std::numeric_limits<T>::max)()));
    kernel::simd::map(
        logits.size(), logits.data(), [&](const auto& v) { return (v - largest) * factor; }, logits.data());
    kernel::exp_row<T>(logits, T(0), logits);
    const detail::Draw<T> draw{logits};
    if (!(draw.total() > 0)) throw NumericError("sample: logits: expected finite numbers, got NaN or infinity");
    const bool cut = options.top_k > 0 && options.top_k < logits.size();
    if (!cut && options.top_p >= 1) return draw(rng.uniform_double());

    // top_k and top_p: a heap yields the largest weights in order, as many as needed: mostly a few of some hundred.
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Token>(i);
    const auto worse = [&](Token a, Token b) { return logits[a] < logits[b] || (!(logits[b] < logits[a]) && a > b); };
    const auto weight = [&](std::size_t i) { return static_cast<double>(logits[order[order.size() - 1 - i]]); };
    const auto take = [&](std::size_t i) {
        std::pop_heap(order.begin(), order.end() - static_cast<std::ptrdiff_t>(i), worse);
    };
    std::ranges::make_heap(order, worse);
    std::size_t kept = order.size();
    double of_k = draw.total();
    if (cut) {
        kept = options.top_k;
        of_k = 0;
        for (std::size_t i = 0; i < kept; ++i) {
            take(i);
            of_k += weight(i);
        }
    }
    std::size_t i = 0;
    double total = 0;
    do {  // at least one: a denormal top_p is zero in this floating-point environment
        if (!cut) take(i);
        total += weight(i++);
    } while (i < kept && total < options.top_p * of_k);
    kept = i;
    // Draw among the `kept` largest, in proportion to their weights.
    std::ranges::reverse(order);
    double at = rng.uniform_double() * total;
    for (i = 0; i + 1 < kept; ++i)
        if ((at -= static_cast<double>(logits[order[i]])) < 0) return order[i];
    return order[kept - 1];
}

namespace detail {
inline void check_sample_options(const SampleOptions& o, std::size_t count, std::size_t classes) {
    const auto fail = [](const char* what, const std::string& expected, const std::string& got) {
        throw ArgumentError("sample: " + std::string{what} + ": " + expected_got(expected, got));
    };
    if (!(o.temperature > 0) || !std::isfinite(o.temperature))
        fail("temperature", "a finite number > 0", std::to_string(o.temperature));
    if (!(o.top_p > 0 && o.top_p <= 1)) fail("top_p", "a number in (0, 1]", std::to_string(o.top_p));
    if (!o.labels.empty() && o.labels.size() != count)
        fail("labels", std::to_string(count) + " (one per sequence) or none", std::to_string(o.labels.size()));
    for (const Label label : o.labels)
        if (label.index >= classes) fail("label", "less than " + std::to_string(classes), std::to_string(label.index));
}
}  // namespace detail

/// Draws `count` sequences, with the labels of the options.
template <GptConfig C, nn::Layer Net>
[[nodiscard]] data::Tokens<C.context> sample(const FrozenGpt<C, Net>& frozen, std::size_t count,
                                             const SampleOptions& options, Rng& rng) {
    using T = typename Net::Scalar;
    constexpr std::size_t together = 32;  // sequences in one cache, whose products share each load of the weights
    constexpr std::size_t few = 8;
    detail::check_sample_options(options, count, C.classes);
    Rng after = rng;
    const Rng own = after.fork();
    std::vector<Token> tokens(count * C.context);
    if (count == 0) {
        rng = after;
        return data::Tokens<C.context>{{}, {}, options.labels.empty() ? 0 : C.classes};
    }
    // Few sequences: all threads share the work of each token. More: each thread has separate sequences.
    const std::size_t threads = kernel::concurrency(), workers = count <= few ? threads : 1;
    const std::size_t slot_count = workers > 1 ? 1 : (std::min)(count, threads);
    const std::size_t parts = (std::max)(slot_count, (count + together - 1) / together);
    kernel::for_each_slot(parts, slot_count, [&](std::size_t part, std::size_t) {
        const std::size_t first = count * part / parts, n = count * (part + 1) / parts - first;
        KvCache<FrozenGpt<C, Net>> cache{{.sequences = n, .workers = workers}};
        std::vector<Rng> streams;
        std::vector<Token> next(n), order(workers * C.vocab);
        for (std::size_t i = 0; i < n; ++i) {
            streams.push_back(own.split(first + i));
            next[i] = options.labels.empty() ? C.null_token() : C.label_token(options.labels[first + i]);
        }
        kernel::run_team(workers, C.context, [&](kernel::Worker& me, std::size_t at) {
            const std::span<T> logits = cache.step(frozen, next, me);
            const std::span<Token> own_order{order.data() + me.index() * C.vocab, C.vocab};
            const auto [begin, end] = me.share(n);
            for (std::size_t i = begin; i < end; ++i) {
                next[i] = draw_token<T>(logits.subspan(i * C.vocab, C.vocab), options, own_order, streams[i]);
                tokens[(first + i) * C.context + at] = next[i];
            }
        });
    });
    data::Tokens<C.context> drawn{
        std::move(tokens), {options.labels.begin(), options.labels.end()}, options.labels.empty() ? 0 : C.classes};
    rng = after;  // last, so that a call that throws can be repeated with the same result
    return drawn;
}

/// The same from the current weights of a model.
template <GptConfig C, class Block, std::floating_point T>
[[nodiscard]] data::Tokens<C.context> sample(const Gpt<C, Block, T>& prior, std::size_t count,
                                             const SampleOptions& options, Rng& rng) {
    return sample(prior.freeze(), count, options, rng);
}

}  // namespace tessera
