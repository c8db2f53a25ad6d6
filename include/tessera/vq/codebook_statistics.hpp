#pragma once
// CodebookStatistics: what a batch contributes to the update of a codebook.
//
//     n_k = number of rows that chose vector k,   s_k = their sum
//
// All leaves of several batches or processes can be summed: a place for a candidate is filled by one batch, and by the
// process that holds the row. Drawing without repetition compares each draw with those before it, so P is bounded; a
// codebook of 65,536 vectors that are nearly all dead revives 512 per update.
//
// Shapes   x [rows, D], tokens [rows]
// Params   n Shape<K> "n", s Shape<K, D> "s": see above; 0;
//          candidates Shape<P, D> "candidates": rows of the batch onto which dead vectors may move, P = min(K, 512); 0;
//          present Shape<P> "present": 1 where the place is filled; 0
// Cost     (K + P) (D + 1) elements. Each task of `add` reads all tokens: 0.1 to 0.3 % of a step with 256 to 512
//          vectors

#include <tessera/core/batch_part.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tessera::inline TESSERA_ABI {

template <std::size_t K, std::size_t D, std::floating_point T>
struct CodebookStatistics {
    static constexpr std::size_t places = K < 512 ? K : 512;
    // Each task reads all tokens: 0.1 to 0.3 % of a step with 256 to 512 vectors. At most 64 tasks, whatever K is.
    static constexpr std::size_t vectors_per_task = (std::max)(std::size_t{32}, kernel::ceil_div(K, 64));

    Param<T, Shape<K>> n;
    Param<T, Shape<K, D>> s;
    Param<T, Shape<places, D>> candidates;
    Param<T, Shape<places>> present;

    template <class F, class... S>
    static void each(F&& f, S&... st) {
        f("n", st.n...);
        f("s", st.s...);
        f("candidates", st.candidates...);
        f("present", st.present...);
    }

    /// Adds the rows x, which chose the vectors `tokens`; rows without a token (no_token) are skipped. Each task owns a
    /// range of vectors and adds in the order of the rows, so the sums do not depend on the number of threads.
    void add(std::span<const T> x, std::span<const Token> tokens) {
        with_fp_environment([&] {
            kernel::for_chunks(K, vectors_per_task, [&](std::size_t begin, std::size_t end) {
                for (std::size_t m = 0; m < tokens.size(); ++m) {
                    const std::size_t k = tokens[m];
                    if (k < begin || k >= end) continue;
                    n[k] += T(1);
                    const std::span<T> row{s.data() + k * D, D};
                    kernel::add<T>(row, x.subspan(m * D, D), row);
                }
            });
        });
    }

    /// Whether any row has been added. Without one, an update must not take time for the decay of the averages.
    friend bool has_rows(const CodebookStatistics& statistics) {
        return std::ranges::any_of(statistics.n.span(), [](T count) { return count > T(0); });
    }

    /// Fills the places of this batch with random rows of it, without repetition. Place j belongs to batch j mod
    /// part.micro_batches. A row that another process holds, or that has no token, leaves its place unchanged.
    void draw_candidates(std::span<const T> x, std::span<const Token> tokens, std::size_t rows_per_sample,
                         const BatchPart& part, Rng rng) {
        draw_rows(tokens, rows_per_sample, part, rng, places, [&](std::size_t place, std::size_t row) {
            present[place] += T(1);
            for (std::size_t i = 0; i < D; ++i) candidates[place * D + i] += x[row * D + i];
        });
    }
    /// f(place, index of a row here), for the rows that draw_candidates would add to the first `count` places.
    template <class F>
    static void draw_rows(std::span<const Token> tokens, std::size_t rows_per_sample, const BatchPart& part, Rng rng,
                          std::size_t count, F f) {
        const std::size_t rows = part.samples * rows_per_sample, first = part.first * rows_per_sample;
        std::array<std::uint32_t, places> taken;
        std::size_t drawn = 0;
        for (std::size_t j = part.micro_batch; j < (std::min)(count, places) && drawn < rows; j += part.micro_batches) {
            std::uint32_t row;
            do row = rng.below(static_cast<std::uint32_t>(rows));
            while (std::find(taken.data(), taken.data() + drawn, row) != taken.data() + drawn);
            taken[drawn++] = row;
            if (row < first || row - first >= tokens.size() || tokens[row - first] == no_token) continue;
            f(j, row - first);
        }
    }
};

}  // namespace tessera
