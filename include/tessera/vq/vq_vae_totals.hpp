#pragma once
// VqVaeTotals: the sums over the samples of a batch from which a VqVae computes its report.
//
// They are one vector of double, so that processes can sum theirs:
//
//     reconstruction,  sum of (z - q)^2,  each term of the quantizer,  how often each token of each level occurred
//
// Cost     2 + terms + codes elements; where a position has several tokens, the codes of each

#include <tessera/core/token.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/vq_vae_report.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <class Q>
struct VqVaeTotals {
    static_assert(Q::codes <= (std::size_t{1} << 24),
                  "VqVae: a vocabulary of at most 2^24 tokens, because reports count each of them: divide a larger one "
                  "between several tokens with GroupedVq");

    using Terms = vq::Terms<Q>;
    static constexpr std::size_t levels = vq::tokens_per_position<Q>;
    using Report = QuantizedReport<Terms, levels>;

    /// The counts of level l are numbers first_count[l] .. first_count[l + 1] - 1 of all counts.
    static constexpr std::array<std::size_t, levels + 1> first_count = [] {
        std::array<std::size_t, levels + 1> first{};
        for (std::size_t l = 0; l < levels; ++l) first[l + 1] = first[l] + vq::codes_of<Q>(l);
        return first;
    }();
    /// Adds how often each token occurs. Token i is of level i % levels.
    template <class Count>
    static void count(std::span<const Token> tokens, std::span<Count> counts) {
        for (std::size_t i = 0; i < tokens.size(); i += levels)
            for (std::size_t l = 0; l < levels; ++l)
                if (const Token k = tokens[i + l]; k != no_token) counts[first_count[l] + k] += Count(1);
    }
    /// The usage of level l. counts: those of all levels.
    template <class Count>
    [[nodiscard]] static LevelUsage usage_of(std::span<const Count> counts, std::size_t l) {
        return level_usage(counts.subspan(first_count[l], first_count[l + 1] - first_count[l]));
    }

    /// Sums over the samples of one block.
    struct Block {
        double reconstruction = 0, distance = 0;
        Terms terms{};
    };

    /// Sums in the order of the blocks, whichever thread computed them.
    static void sum(const std::vector<Block>& blocks, std::span<const Token> tokens, std::vector<double>& totals) {
        const std::size_t before = first_term + vq::count_terms<Terms>();
        totals.assign(before + first_count[levels], 0);
        for (const Block& block : blocks) {
            totals[0] += block.reconstruction;
            totals[1] += block.distance;
            std::size_t next = first_term;
            Terms::each([&](const ParamPath&, const double& term) { totals[next++] += term; }, block.terms);
        }
        count(tokens, std::span<double>{totals}.subspan(before));
    }

    /// The report of totals over `samples` samples of `elements` elements each.
    [[nodiscard]] static Report report(std::span<const double> totals, std::size_t samples, std::size_t elements) {
        const double n = static_cast<double>(samples);
        Report r;
        r.reconstruction = totals[0] / (n * static_cast<double>(elements));
        r.quantization_mse = totals[1] / (n * static_cast<double>(Q::Input::size));
        std::size_t next = first_term;
        Terms::each([&](const ParamPath&, double& term) { term = totals[next++] / n; }, r.terms);
        r.quantizer = vq::sum_terms(r.terms);
        r.loss = r.reconstruction + r.quantizer;
        for (std::size_t l = 0; l < levels; ++l) r.levels[l] = usage_of(totals.subspan(next), l);
        const LevelUsage all = total_usage(r.levels);
        r.perplexity = all.perplexity;
        r.used = all.used;
        return r;
    }

private:
    static constexpr std::size_t first_term = 2;
};

}  // namespace tessera
