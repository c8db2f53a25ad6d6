#pragma once
// SampleOptions: how sequences are drawn, for all of them or for each.
//
//     {.temperature = 0.9f, .top_p = 0.95, .labels = labels}
//     {.labels = labels, .each = each}        each[n] = {.draw = {.top_k = 20}, .seed = 7}
//
// A sequence with a seed draws from Rng{seed}: it is the same in any batch and at any index. Without one, sequence n
// draws from the n-th stream of the generator that sample() gets.
//
// Errors   of sample() and complete(): ArgumentError for a number out of range, another number of labels or of `each`
//          than sequences, a label the prior does not know, labels or none where it was trained without or with them
//          (gpt/known_conditions.hpp), guidance without labels or for a prior that did not learn the null class, common
//          settings next to `each`, max_rows too small for one sequence, or more sequences than a vector can hold

#include <tessera/core/error.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/token.hpp>
#include <tessera/gpt/draw_token.hpp>
#include <tessera/gpt/guidance.hpp>
#include <tessera/gpt/known_conditions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// One sequence of a batch.
struct SequenceOptions {
    DrawOptions draw = {};
    Guidance guidance = {};
    std::optional<std::uint64_t> seed = {};  ///< none: a stream of the generator
};

struct SampleOptions {
    float temperature = 1;  ///< >= 0; logits are divided by it; 0: always the most probable token
    std::size_t top_k = 0;  ///< 0: all tokens
    double top_p = 1;       ///< in (0, 1]
    double min_p = 0;       ///< in [0, 1]; keeps tokens at least min_p times as probable as the most probable one
    std::span<const Label> labels = {};          ///< one per sequence, or empty: the null class
    Guidance guidance = {};                      ///< of the labels; 1: none
    std::span<const SequenceOptions> each = {};  ///< one per sequence, or empty: all as above
    /// The most sequences in memory at once, over all threads, where one with guidance counts twice; 0: 32 for each
    /// thread.
    std::size_t max_rows = 0;

    /// What all sequences have in common.
    [[nodiscard]] DrawOptions draw() const { return {temperature, top_k, top_p, min_p}; }
    /// Of sequence n.
    [[nodiscard]] SequenceOptions sequence(std::size_t n) const {
        return each.empty() ? SequenceOptions{.draw = draw(), .guidance = guidance} : each[n];
    }
    /// Has any sequence a guidance other than 1?
    [[nodiscard]] bool is_guided() const {
        return guidance.is_on() ||
               std::any_of(each.begin(), each.end(), [](const SequenceOptions& one) { return one.guidance.is_on(); });
    }
};

namespace detail {
/// The number of tokens of `count` sequences; ArgumentError where no vector can hold them.
inline std::size_t tokens_of_all(std::size_t count, std::size_t context, const char* where) {
    const std::size_t most = std::vector<Token>{}.max_size() / context;
    if (count > most)
        throw ArgumentError(where + expected_got("at most " + std::to_string(most), std::to_string(count)));
    return count * context;
}

/// `where` begins every message: "sample: ".
inline void check_sample_options(const SampleOptions& o, std::size_t count, std::size_t classes, KnownConditions knows,
                                 const std::string& where) {
    const auto fail = [&](const char* what, const std::string& expected, const std::string& got) {
        throw ArgumentError(where + what + ": " + expected_got(expected, got));
    };
    const std::string one_each = std::to_string(count) + " (one per sequence) or none";
    check_draw_options(o.draw(), where);
    check_guidance(o.guidance, where);
    if (!o.labels.empty() && classes == 0)
        fail("labels", "none, as the prior has no classes", std::to_string(o.labels.size()));
    if (!o.labels.empty() && o.labels.size() != count) fail("labels", one_each, std::to_string(o.labels.size()));
    for (const Label label : o.labels)
        if (label.index >= classes) fail("label", "less than " + std::to_string(classes), std::to_string(label.index));
    if (count > 0) check_condition(o.labels.size(), classes, knows, where);
    if (!o.each.empty() && o.each.size() != count) fail("each", one_each, std::to_string(o.each.size()));
    if (!o.each.empty() && (o.draw() != DrawOptions{} || o.guidance != Guidance{}))
        fail("each", "no common temperature, top_k, top_p, min_p or guidance next to it", "both");
    for (std::size_t n = 0; n < o.each.size(); ++n) {
        const std::string of_one = where + "sequence " + std::to_string(n) + ": ";
        check_draw_options(o.each[n].draw, of_one);
        check_guidance(o.each[n].guidance, of_one);
    }
    if (!o.is_guided()) return;
    if (classes == 0) fail("guidance", "1, as the prior has no classes", "another weight");
    if (o.labels.empty()) fail("guidance", "labels, one per sequence", "none");
    if (!knows.null_class)
        fail("guidance", "a prior that learned the null class, with label_dropout above 0", "one with label_dropout 0");
    if (o.max_rows == 1) fail("max_rows", "at least 2, as a sequence with guidance has two rows", "1");
}
}  // namespace detail

}  // namespace tessera
