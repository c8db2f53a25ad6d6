#pragma once
// Guidance: classifier-free guidance, the weight w of the label at each position of a sequence.
//
//     logits = uncond + w (cond - uncond)          (Ho, Salimans 2022, arXiv:2207.12598, with w = 1 + their w)
//
// cond are the logits for the sequence's label, uncond those for the null class with the same tokens before. w = 1 is
// no guidance and costs nothing, 0 ignores the label, and more than 1 makes a sequence more typical of its label.
//
//     {.labels = labels, .guidance = 2}                                        the same w everywhere
//     {.labels = labels, .guidance = Guidance::linear({.from = 1, .to = 4})}   w rises over the positions
//
// A rise from 1 leaves the first tokens, which decide on variety, to the model (Chang et al. 2023, arXiv:2301.00704,
// section 2.7). The prior must have learned the null class: GptOptions::label_dropout above 0.
//
// Errors   of sample() and complete(): ArgumentError where w is negative or not finite, without labels, or for a prior
//          that was created with label_dropout 0
// Cost     two rows of the cache for each sequence: twice the time

#include <tessera/core/error.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <cmath>
#include <compare>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

class Guidance {
public:
    /// The same weight at every position.
    constexpr Guidance(float weight = 1) : from_{weight}, to_{weight} {}

    /// The weights of the first and the last position.
    struct Range {
        float from = 1, to = 1;
    };
    /// Rises or falls by the same amount from each position to the next.
    [[nodiscard]] static constexpr Guidance linear(Range weights) {
        Guidance g;
        g.from_ = weights.from;
        g.to_ = weights.to;
        return g;
    }

    /// w of a position of `context`.
    [[nodiscard]] float at(std::size_t position, std::size_t context) const {
        if (context < 2) return from_;
        const double from = static_cast<double>(from_), rise = static_cast<double>(to_) - from;
        return static_cast<float>(
            std::fma(rise, static_cast<double>(position) / static_cast<double>(context - 1), from));
    }
    /// Does any position have another weight than 1?
    [[nodiscard]] constexpr bool is_on() const { return from_ < 1 || from_ > 1 || to_ < 1 || to_ > 1; }
    [[nodiscard]] constexpr Range range() const { return {from_, to_}; }

    friend constexpr bool operator==(const Guidance& a, const Guidance& b) {
        return std::is_eq(a.from_ <=> b.from_) && std::is_eq(a.to_ <=> b.to_);
    }

private:
    float from_ = 1, to_ = 1;
};

namespace detail {
/// cond = uncond + w (cond - uncond)
template <std::floating_point T>
void guide(std::span<const T> uncond, std::span<T> cond, T w) {
    const kernel::simd::Vec<T> weight(w);
    kernel::simd::map(
        cond.size(), cond.data(), [&](const auto& c, const auto& u) { return kernel::simd::fma(weight, c - u, u); },
        static_cast<const T*>(cond.data()), uncond.data());
}

/// `where` begins the message.
inline void check_guidance(const Guidance& guidance, const std::string& where) {
    for (const float w : {guidance.range().from, guidance.range().to})
        if (!(w >= 0) || !std::isfinite(w))
            throw ArgumentError(where + "guidance: " + expected_got("a finite number >= 0", std::to_string(w)));
}
}  // namespace detail

}  // namespace tessera
