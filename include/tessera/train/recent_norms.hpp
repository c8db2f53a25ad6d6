#pragma once
// RecentNorms: the norms of the last gradients, from which a Trainer knows what is usual.
//
//     median of the last 32 norms;  0 while fewer than 8 are known
//
// It is a median because one gradient that is a million times longer does not move it. RecentNorms is a parameter set:
// what a step depends on is part of its checkpoint.
//
// Params   norms Shape<32> "norms", a ring; 0 where no norm is known yet
// Cost     add: one store; median: an insertion sort of 32 elements

#include <tessera/core/param.hpp>
#include <tessera/core/to_size.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

struct RecentNorms {
    static constexpr std::size_t capacity = 32, minimum = 8;

    Param<double, Shape<capacity>> norms;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("norms", p.norms...);
    }

    /// `update`: its index, counted from 0.
    void add(std::uint64_t update, double norm) noexcept { norms[to_size(update % capacity)] = norm; }

    /// 0 while fewer than `minimum` norms are known.
    [[nodiscard]] double median() const {
        std::array<double, capacity> known{};
        std::size_t count = 0;
        for (const double norm : norms.span()) {
            if (!(norm > 0)) continue;
            std::size_t place = count++;  // insertion in rising order
            for (; place > 0 && norm < known[place - 1]; --place) known[place] = known[place - 1];
            known[place] = norm;
        }
        return count < minimum ? 0 : known[count / 2];
    }
};

}  // namespace tessera
