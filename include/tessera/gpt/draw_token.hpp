#pragma once
// draw_token: draws one token from a row of logits.
//
//     w_i = e^((logit_i - max) / temperature),   p_i = w_i / sum of w over what min_p, then top_k, then top_p keep
//
//     min_p   tokens with w_i >= min_p, as the largest w is 1        (Nguyen et al. 2024, arXiv:2407.01082)
//     top_k   the top_k largest                                       (Fan, Lewis, Dauphin 2018, arXiv:1805.04833)
//     top_p   the smallest set whose share of these reaches top_p     (Holtzman et al. 2019, arXiv:1904.09751)
//
// Temperature 0 is greedy: the largest logit, and no random number is used. Equal logits are ordered by token, except
// that min_p keeps or drops them together. The token that crosses top_p is kept, so the set is never empty. Temperature
// comes first: at a higher one the cuts keep more.
//
// Shapes   logits [vocab], overwritten with the weights w; order [vocab], scratch, unused where top_k and top_p keep
//          all tokens
// Errors   NumericError where a logit is NaN or +infinity, or all are -infinity; a token whose logit is -infinity is
//          never drawn. ArgumentError where top_k or top_p cut and order has another size than logits; the options are
//          not checked here, sample() and complete() do it
// Cost     one exponential per token; top_k and top_p a heap and log(vocab) for each token kept. No allocation

#include <tessera/core/error.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/softmax.hpp>

#include <algorithm>
#include <cmath>
#include <compare>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

struct DrawOptions {
    float temperature = 1;  ///< >= 0; logits are divided by it; 0: always the most probable token
    std::size_t top_k = 0;  ///< 0: all tokens
    double top_p = 1;       ///< in (0, 1]
    double min_p = 0;       ///< in [0, 1]; 0: all tokens

    friend bool operator==(const DrawOptions& a, const DrawOptions& b) {
        return std::is_eq(a.temperature <=> b.temperature) && a.top_k == b.top_k && std::is_eq(a.top_p <=> b.top_p) &&
               std::is_eq(a.min_p <=> b.min_p);
    }
};

namespace detail {
/// A token and its probability in the distribution that it was drawn from.
struct Drawn {
    Token token = 0;
    double probability = 1;
};

/// The index of the weight that contains `at`, where the first `count` follow each other; never one of weight 0, also
/// where sums round so that `at` is past the last.
template <class Weight>
std::size_t index_containing(double at, std::size_t count, Weight weight) {
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < count && !(at < 0); ++i)
        if (const double w = weight(i); w > 0) {
            chosen = i;
            at -= w;
        }
    return chosen;
}

/// Draws i with probability weights[i] / total, never one of weight 0. It first finds the block of i by the sums of
/// blocks: 256 dependent subtractions cost as much as the softmax.
template <std::floating_point T>
class WeightedDraw {
public:
    explicit WeightedDraw(std::span<const T> weights) : weights_{weights} {
        for (std::size_t i = 0; i < weights.size(); i += block) total_ += sum(i);
    }
    double total() const { return total_; }
    Token operator()(double uniform) const {
        double at = uniform * total_, left = at;
        std::size_t first = 0;
        for (std::size_t i = 0; i < weights_.size() && !(left < 0); i += block)
            if (const double s = sum(i); s > 0) {
                first = i;
                at = left;
                left -= s;
            }
        const auto weight = [&](std::size_t k) { return static_cast<double>(weights_[first + k]); };
        return static_cast<Token>(first + index_containing(at, (std::min)(block, weights_.size() - first), weight));
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

/// weights = e^((logits - max) / temperature), in place; those below min_p become 0.
template <std::floating_point T>
void weights_of_logits(std::span<T> logits, const DrawOptions& options) {
    // The maximum is subtracted first, because at a temperature near 0 the quotient would overflow.
    constexpr T most = (std::numeric_limits<T>::max)();
    const T temperature = static_cast<T>(options.temperature);
    const kernel::simd::Vec<T> largest(kernel::simd::largest(logits.size(), logits.data()));
    const kernel::simd::Vec<T> factor(temperature > 0 ? (std::min)(T(1) / temperature, most) : most);
    kernel::simd::map(
        logits.size(), logits.data(), [&](const auto& v) { return (v - largest) * factor; }, logits.data());
    kernel::exp_row<T>(logits, T(0), logits);
    if (options.min_p > 0)
        for (T& weight : logits)
            if (static_cast<double>(weight) < options.min_p) weight = 0;
}

template <std::floating_point T>
Drawn draw(std::span<T> logits, const DrawOptions& options, std::span<Token> order, Rng& rng) {
    weights_of_logits(logits, options);
    const WeightedDraw<T> all{logits};
    if (!(all.total() > 0)) throw NumericError("draw_token: logits: expected finite numbers, got NaN or infinity");
    const auto weight_of = [&](Token token) { return static_cast<double>(logits[token]); };
    if (!(options.temperature > 0))
        return {static_cast<Token>(std::ranges::max_element(logits) - logits.begin()), 1};  // the first of equals
    const bool cut = options.top_k > 0 && options.top_k < logits.size();
    if (!cut && options.top_p >= 1) {
        const Token token = all(rng.uniform_double());
        return {token, weight_of(token) / all.total()};
    }
    if (order.size() != logits.size())
        throw ArgumentError("draw_token: order: " + expected_got(logits.size(), order.size()));

    // top_k and top_p: a heap yields the largest weights in order, as many as needed: mostly a few of some hundred.
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Token>(i);
    const auto worse = [&](Token a, Token b) { return logits[a] < logits[b] || (!(logits[b] < logits[a]) && a > b); };
    const auto weight = [&](std::size_t i) { return weight_of(order[order.size() - 1 - i]); };
    const auto take = [&](std::size_t i) {
        std::pop_heap(order.begin(), order.end() - static_cast<std::ptrdiff_t>(i), worse);
    };
    std::ranges::make_heap(order, worse);
    std::size_t kept = order.size();
    double of_k = all.total();
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
    const Token token =
        order[index_containing(rng.uniform_double() * total, kept, [&](std::size_t k) { return weight_of(order[k]); })];
    return {token, weight_of(token) / total};
}

/// `where` begins every message.
inline void check_draw_options(const DrawOptions& o, const std::string& where) {
    const auto fail = [&](const char* what, const std::string& expected, const std::string& got) {
        throw ArgumentError(where + what + ": " + expected_got(expected, got));
    };
    if (!(o.temperature >= 0) || !std::isfinite(o.temperature))
        fail("temperature", "a finite number >= 0", std::to_string(o.temperature));
    if (!(o.top_p > 0 && o.top_p <= 1)) fail("top_p", "a number in (0, 1]", std::to_string(o.top_p));
    if (!(o.min_p >= 0 && o.min_p <= 1)) fail("min_p", "a number in [0, 1]", std::to_string(o.min_p));
}
}  // namespace detail

template <std::floating_point T>
[[nodiscard]] Token draw_token(std::span<T> logits, const DrawOptions& options, std::span<Token> order, Rng& rng) {
    return detail::draw(logits, options, order, rng).token;
}

}  // namespace tessera
