#pragma once
// VqVaeTotals: the sums over the samples of a batch from which a VqVae computes its report.
//
// They are one vector of double, so that processes can sum theirs:
//
//     reconstruction,  sum of (z - q)^2,  each term of the quantizer,  how often each token occurred
//
// Cost     2 + terms + codes numbers

#include <tessera/core/token.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/vq_vae_report.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <class Q>
struct VqVaeTotals {
    using Terms = vq::Terms<Q>;

    /// Sums over the samples of one block.
    struct Block {
        double reconstruction = 0, distance = 0;
        Terms terms{};
    };

    /// Sums in the order of the blocks, whichever thread computed them.
    static void sum(const std::vector<Block>& blocks, std::span<const Token> tokens, std::vector<double>& totals) {
        const std::size_t first_count = first_term + vq::count_terms<Terms>();
        totals.assign(first_count + Q::codes, 0);
        for (const Block& block : blocks) {
            totals[0] += block.reconstruction;
            totals[1] += block.distance;
            std::size_t next = first_term;
            Terms::each([&](const Path&, const double& term) { totals[next++] += term; }, block.terms);
        }
        for (const Token k : tokens)
            if (k != no_token) totals[first_count + k] += 1;
    }

    /// The report of totals over `samples` samples of `numbers` numbers each.
    [[nodiscard]] static QuantizedReport<Terms> report(std::span<const double> totals, std::size_t samples,
                                                       std::size_t numbers) {
        const double count = static_cast<double>(samples);
        QuantizedReport<Terms> r;
        r.reconstruction = totals[0] / (count * static_cast<double>(numbers));
        r.quantization_mse = totals[1] / (count * static_cast<double>(Q::Input::size));
        std::size_t next = first_term;
        Terms::each([&](const Path&, double& term) { term = totals[next++] / count; }, r.terms);
        r.quantizer = vq::sum_terms(r.terms);
        r.loss = r.reconstruction + r.quantizer;
        r.perplexity = perplexity(totals.subspan(next), &r.used);
        return r;
    }

private:
    static constexpr std::size_t first_term = 2;
};

}  // namespace tessera
