#pragma once
// DropLevels: quantize dropout, the random choice of how many levels of a residual quantizer a training step runs.
//
//     levels = depth with probability 1 - dropout, else uniform in keep .. depth
//         (Zeghidour, Luebs, Omran, Skoglund, Tagliasacchi 2021, arXiv:2107.03312)
//
// It is drawn from the generator of the step, not from that of a sample: once for a step, the same in all processes.
//
// Errors   ArgumentError where dropout is not in [0, 1] or keep not in 1 .. depth, or dropout is above 0 where
//          keep is depth and depth above 1

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/nn/layer.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq {

struct DropLevels {
    double dropout = 0;
    std::size_t keep = 1;
    std::size_t depth = 1;

    [[nodiscard]] std::size_t draw(const nn::Pass& pass) const {
        if (!pass.training || !(dropout > 0)) return depth;
        Rng rng = pass.rng.split(depth);
        if (!(rng.uniform_double() < dropout)) return depth;
        return keep + rng.below(static_cast<std::uint32_t>(depth - keep + 1));
    }
    void check_options(const std::string& quantizer) const {
        if (!(dropout >= 0 && dropout <= 1))
            throw ArgumentError(quantizer + ": dropout: " + expected_got("a number in [0, 1]", number_text(dropout)));
        if (keep < 1 || keep > depth)
            throw ArgumentError(quantizer +
                                ": keep: " + expected_got("1 to " + std::to_string(depth), std::to_string(keep)));
        if (dropout > 0 && keep == depth && depth > 1)
            throw ArgumentError(quantizer + ": dropout: " +
                                expected_got("0, because keep is the number of all levels", number_text(dropout)));
    }
    [[nodiscard]] std::vector<Setting> settings() const {
        return {{"residual.dropout", number_text(dropout)}, {"residual.keep", number_text(keep)}};
    }
};

}  // namespace tessera::vq
