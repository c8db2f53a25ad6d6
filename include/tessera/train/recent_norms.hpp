#pragma once
// RecentNorms: the lengths of the last gradients, and so what is usual.
//
//     usual = median of the last 32 norms;  0 while fewer than 8 are known
//
// A median, because the next one does not move with a gradient that was a million times longer. A parameter
// set: what a step depends on is part of its checkpoint.
//
// Params   norms Shape<32>, a ring; 0 where none is known yet

#include <tessera/core/param.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

struct RecentNorms {
    static constexpr std::size_t kept = 32, least = 8;

    Param<double, Shape<kept>> norms;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("norms", p.norms...);
    }

    /// Of the update with that number, which counts from 0.
    void add(std::uint64_t update, double norm) noexcept {
        norms[static_cast<std::size_t>(update % kept)] = norm;
    }

    double usual() const {
        std::array<double, kept> known{};
        const auto end =
            std::ranges::copy_if(norms.span(), known.begin(), [](double n) { return n > 0; }).out;
        const auto count = end - known.begin(), middle = count / 2;
        if (count < static_cast<std::ptrdiff_t>(least)) return 0;
        std::nth_element(known.begin(), known.begin() + middle, end);
        return known[static_cast<std::size_t>(middle)];
    }
};

}  // namespace tessera::inline TESSERA_ABI
