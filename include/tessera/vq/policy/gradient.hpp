#pragma once
// Gradient: learning policy of a Codebook: the vectors are parameters, which the optimiser changes.
//
//     codebook: mean (z - e)^2, z a constant          (van den Oord et al. 2017, arXiv:1711.00937, eq. 3, second term)
//
// Dead vectors move onto rows of the batch as with vq::Ema; the counts are moving averages with the decay of
// CodebookOptions::ema. The optimiser's moments of a moved vector stay: they are of the rows that left it, and fade
// within some updates. AdamW's weight decay also shrinks vectors that no row chooses; lr_scale does not change that, a
// weight_decay of 0 does. The learning rate of the vectors follows that of the model; AdamWOptions::lr_scale changes it
// for the part "codebook".
//
// The default commitment is 0.02, not the 0.25 of vq::Ema: vectors that follow their rows by gradient, and rows held by
// the vectors, otherwise shrink onto each other until all images have the same tokens. On the bundled digits (small
// nets of examples/digits, three epochs, 256 vectors) 0.25 leaves 10 % in use (11.9 dB), 0.05 74 to 100 % with three
// seeds, 0.02 100 % with each (19.8 to 21.7 dB; twelve epochs 24.3 dB; with vq::Cosine 100 %, 21.0 dB).
//
// Params   "codebook.weight" [K, D], N(0, 1), as torch.nn.Embedding; buffers "codebook.count" [K], 1, and
//          "codebook.grace" [K], 0
// Cost     a gradient of K D elements for each group of samples; the optimiser's moments, 2 K D

#include <tessera/core/batch_part.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/codebook_options.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/codebook_statistics.hpp>
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
struct LearnedVectors {
    static constexpr bool by_gradient = true, averages = false, revives = true, initializes = true;
    using Packed = Empty;
    using Cache = Empty;
    using Statistics = CodebookStatistics<K, D, T>;
    struct Params {
        Param<T, Shape<K, D>> weight;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            auto inner = with_prefix("codebook", f);
            inner("weight", p.weight...);
        }
    };
    struct Buffers {
        Param<T, Shape<K>> count, grace;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            auto inner = with_prefix("codebook", f);
            inner("count", b.count...);
            inner("grace", b.grace...);
        }
    };

    static void init(Params& params, Buffers& buffers, Rng& rng) {
        for (T& v : params.weight.span()) v = static_cast<T>(rng.normal());
        buffers.count.fill(T(1));
    }
    static void vectors(const Params& params, const Buffers&, const CodebookOptions&, Packed&, std::span<T> e) {
        std::ranges::copy(params.weight.span(), e.data());
    }
    static void add_gradient(const Packed&, std::span<const Token> tokens, std::span<const T> de, Cache&,
                             Params& grad) {
        for (std::size_t m = 0; m < tokens.size(); ++m) {
            if (tokens[m] == no_token) continue;
            const std::span<T> row{grad.weight.data() + std::size_t{tokens[m]} * D, D};
            kernel::add<T>(row, de.subspan(m * D, D), row);
        }
    }
    static void observe(const Packed&, std::span<const T> x, std::span<const Token> tokens, std::size_t per_sample,
                        const BatchPart& part, Rng rng, bool revives_now, Cache&, Statistics& statistics) {
        for (const Token k : tokens)
            if (k != no_token) statistics.n[k] += T(1);
        if (revives_now) statistics.draw_candidates(x, tokens, per_sample, part, rng);
    }
    static void update(Params& params, Buffers& buffers, const Statistics& statistics, const CodebookOptions& options) {
        if (!has_rows(statistics)) return;
        const T keep = static_cast<T>(options.ema.decay);
        for (std::size_t k = 0; k < K; ++k)
            buffers.count[k] = kernel::simd::fma<T>(keep, buffers.count[k], (T(1) - keep) * statistics.n[k]);
        Book book{params.weight, buffers.count, buffers.grace};
        revive(book, statistics, options.revive);
    }
    static void initialize_from_data(Params& params, Buffers& buffers, std::span<const T> x,
                                     const CodebookOptions& options, Rng rng) {
        if (!options.kmeans) return;
        CodebookState<K, D, T> book;
        kmeans(book, x, rng);
        std::ranges::copy(book.weight.span(), params.weight.data());
        std::ranges::copy(book.count.span(), buffers.count.data());
    }
    static bool optional_in_file(std::string_view leaf) { return leaf == "codebook.count" || leaf == "codebook.grace"; }
    static void fill_missing(Params&, Buffers& buffers, std::span<const std::string> missing) noexcept {
        if (std::ranges::find(missing, "codebook.count") != missing.end()) buffers.count.fill(T(1));
        if (std::ranges::find(missing, "codebook.grace") != missing.end()) buffers.grace.fill(T(0));
    }

private:
    // What `revive` moves.
    struct Book {
        static constexpr std::size_t codes = K, width = D;
        Param<T, Shape<K, D>>& weight;
        Param<T, Shape<K>>& count;
        Param<T, Shape<K>>& grace;

        void place(std::size_t k, const T* x, T history) {
            std::copy_n(x, D, weight.data() + k * D);
            count[k] = history;
        }
    };
};

struct Gradient {
    using category = LearningPolicy;
    template <std::size_t K, std::size_t D, std::floating_point T>
    using Of = LearnedVectors<K, D, T>;
};

}  // namespace tessera::vq
