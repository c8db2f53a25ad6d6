#pragma once
// Ema: learning policy of a Codebook: the vectors are moving averages of the rows that choose them, and dead ones move.
//
// The formulas are in vq/ema.hpp, vq/revive.hpp and vq/kmeans.hpp.
//
// Params   none; buffers (saved, not optimised) "codebook.weight" [K, D], "codebook.count" [K], "codebook.sum" [K, D],
//          "codebook.grace" [K], initialised as in vq/codebook_state.hpp

#include <tessera/core/batch_part.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/vq/codebook_options.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/codebook_statistics.hpp>
#include <tessera/vq/ema.hpp>
#include <tessera/vq/kmeans.hpp>
#include <tessera/vq/policy/policies.hpp>
#include <tessera/vq/revive.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::vq {

template <std::size_t K, std::size_t D, std::floating_point T>
struct EmaVectors {
    static constexpr bool by_gradient = false, averages = true, revives = true, initializes = true;
    using Params = Empty;
    using Packed = Empty;
    using Cache = Empty;
    using Statistics = CodebookStatistics<K, D, T>;
    struct Buffers {
        CodebookState<K, D, T> book;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            CodebookState<K, D, T>::each(with_prefix("codebook", f), b.book...);
        }
    };

    static void init(Params&, Buffers& buffers, Rng& rng) { buffers.book.init(rng); }
    static void vectors(const Params&, const Buffers& buffers, const CodebookOptions&, Packed&, std::span<T> e) {
        std::ranges::copy(buffers.book.weight.span(), e.data());
    }
    static void observe(const Packed&, std::span<const T> x, std::span<const Token> tokens, std::size_t per_sample,
                        const BatchPart& part, Rng rng, bool revives_now, Cache&, Statistics& statistics) {
        statistics.add(x, tokens);
        if (revives_now) statistics.draw_candidates(x, tokens, per_sample, part, rng);
    }
    static void update(Params&, Buffers& buffers, const Statistics& statistics, const CodebookOptions& options) {
        if (options.freeze || !has_rows(statistics)) return;
        ema_update(buffers.book, statistics, options.ema);
        revive(buffers.book, statistics, options.revive);
    }
    static void initialize_from_data(Params&, Buffers& buffers, std::span<const T> x, const CodebookOptions& options,
                                     Rng rng) {
        if (options.kmeans) kmeans(buffers.book, x, rng);
    }
    /// Lookup needs only the vectors.
    static bool optional_in_file(std::string_view leaf) {
        return leaf.starts_with("codebook.") && leaf != "codebook.weight";
    }
    /// Missing averages become those of vectors that have been chosen once, by a row equal to the vector.
    static void fill_missing(Params&, Buffers& buffers, std::span<const std::string> missing) noexcept {
        const auto lacks = [&](std::string_view leaf) {
            return std::find(missing.begin(), missing.end(), leaf) != missing.end();
        };
        auto& book = buffers.book;
        const bool count = lacks("codebook.count");
        if (count || lacks("codebook.sum"))
            for (std::size_t k = 0; k < K; ++k) book.place(k, book.weight.data() + k * D, count ? T(1) : book.count[k]);
        if (lacks("codebook.grace")) book.grace.fill(0);
    }
};

struct Ema {
    using category = LearningPolicy;
    template <std::size_t K, std::size_t D, std::floating_point T>
    using Of = EmaVectors<K, D, T>;
};

}  // namespace tessera::vq
