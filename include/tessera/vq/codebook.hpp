#pragma once
// Codebook: vector quantization with K vectors of the encoder's width, learned by exponential moving averages.
//
//     a(z) = argmin_k |z - e_k|^2, ties go to the lowest k;   q = e[a(z)]
//     dz = dq                                                 straight through
//     commitment: beta mean (z - q)^2                         moves the encoder only
//                                         (van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937, eqs. 1 to 3)
//
// The formulas of the update, of the initialisation by k-means and of the revival of dead vectors are in vq/ema.hpp,
// vq/kmeans.hpp and vq/revive.hpp.
//
// Shapes   z, q [batch, ... x D], tokens [batch, rows]; one token for each row of D numbers
// Params   none; buffers (saved, not optimised) "codebook.weight" [K, D], "codebook.count" [K], "codebook.sum" [K, D],
//          "codebook.grace" [K], initialised as in vq/codebook_state.hpp
// Errors   NumericError for a row with NaN, or so large that no vector is nearest; ArgumentError for an option out of
//          range; static_assert where K is 0 or not below 2^32 - 1
// Cost     rows K D multiply-adds per sample for the search, a copy of D numbers per row for the lookup; the update
//          reads every vector once

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/path.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/codebook_statistics.hpp>
#include <tessera/vq/ema.hpp>
#include <tessera/vq/kmeans.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/revive.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct CodebookOptions {
    float commitment = 0.25f;  ///< beta of arXiv:1711.00937, eq. 3
    EmaOptions ema{};
    ReviveOptions revive{};
    bool kmeans = true;  ///< initialise the vectors from the first batch
};

template <StaticShape In, std::size_t K, std::floating_point T>
struct CodebookQuantizer {
    static constexpr std::string_view name = "Codebook";
    static constexpr std::size_t width = last_dim<In>, tokens = row_count<In>, codes = K;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Tokens = Shape<tokens>;
    using Params = Empty;
    using Options = CodebookOptions;
    using Cache = Empty;

    struct Buffers {
        CodebookState<K, width, T> book;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            CodebookState<K, width, T>::each(with_prefix("codebook", f), b.book...);
        }
    };
    struct Packed {
        PackedCodes<T> codes;
        T commitment = 0;
        bool revives = false;
    };
    struct Terms {
        double commitment = 0;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            f("commitment", s.commitment...);
        }
    };
    using Statistics = CodebookStatistics<K, width, T>;

    static void init(Params&, Buffers& buffers, Rng& rng) { buffers.book.init(rng); }
    static void pack(const Params&, const Buffers& buffers, const Options& options, Packed& w) {
        w.codes.pack(buffers.book);
        w.commitment = T(options.commitment);
        w.revives = options.revive.below > 0;
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Tokens> out,
                        View<T, In> q, Cache&) {
        quantize<T>(w.codes, z.span(), out.span(), q.span(), pass.first * tokens);
    }
    static void lookup(const Packed& w, View<const Token, Tokens> in, View<T, In> q, Cache&) {
        lookup_tokens<T>(w.codes, in.span(), q.span());
    }
    static void encode_rows(const Packed& w, View<const T, In> z, View<Token, Tokens> out, std::size_t first,
                            std::size_t last) {
        nearest_tokens<T>(w.codes, z.span(), out.span(), first, last);
    }
    static void backward(const Packed&, View<const T, In>, View<const Token, Tokens> chosen, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache&, Params&) {
        straight_through<T>(chosen.span(), dq.span(), dz.span());
    }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Tokens> chosen, View<const T, In> q,
                            View<T, In> dz, Cache&, Params&, double divisor) {
        const double numbers = divisor * static_cast<double>(In::size);
        const double sum = add_commitment<T>(z.span(), chosen.span(), q.span(), dz.span(),
                                             T(2) * w.commitment * static_cast<T>(1.0 / numbers));
        return {static_cast<double>(w.commitment) * sum / static_cast<double>(In::size)};
    }

    static void observe(const Packed& w, View<const T, In> z, View<const Token, Tokens> chosen, const BatchPart& part,
                        Rng rng, Cache&, Statistics& statistics) {
        statistics.add(z.span(), chosen.span());
        if (w.revives) statistics.draw_candidates(z.span(), chosen.span(), tokens, part, rng);
    }
    static void update(Params&, Buffers& buffers, const Statistics& statistics, const Options& options) {
        ema_update(buffers.book, statistics, options.ema);
        revive(buffers.book, statistics, options.revive);
    }
    static void start(Params&, Buffers& buffers, View<const T, In> z, const Options& options, Rng rng) {
        if (options.kmeans) kmeans(buffers.book, z.span(), rng);
    }

    /// Lookup needs only the vectors.
    static bool optional_in_file(std::string_view leaf) {
        return leaf.starts_with("codebook.") && leaf != "codebook.weight";
    }
    /// Missing averages become those of vectors that have been chosen once, by a row equal to the vector.
    static void complete(Params&, Buffers& buffers, std::span<const std::string> missing) noexcept {
        const auto lacks = [&](std::string_view leaf) { return std::ranges::find(missing, leaf) != missing.end(); };
        auto& book = buffers.book;
        const bool count = lacks("codebook.count");
        if (count || lacks("codebook.sum"))
            for (std::size_t k = 0; k < K; ++k)
                book.place(k, book.weight.data() + k * width, count ? T(1) : book.count[k]);
        if (lacks("codebook.grace")) book.grace.fill(0);
    }

    static std::vector<Setting> settings(const Options& o) {
        return {{"commitment", number_text(o.commitment)},     {"ema.decay", number_text(o.ema.decay)},
                {"ema.eps", number_text(o.ema.eps)},           {"revive.below", number_text(o.revive.below)},
                {"revive.grace", number_text(o.revive.grace)}, {"kmeans", number_text(o.kmeans)}};
    }
    /// Throws ArgumentError for an option out of range. Each condition is false for NaN.
    static void check_options(const Options& o) {
        const auto require = [](bool good, const char* what, const char* expected, auto got) {
            if (!good)
                throw ArgumentError("Codebook: " + std::string{what} + ": " + expected_got(expected, number_text(got)));
        };
        const auto not_negative = [&](const char* what, float x) {
            require(x >= 0 && std::isfinite(x), what, "a finite number >= 0", x);
        };
        not_negative("commitment", o.commitment);
        require(o.ema.decay >= 0 && o.ema.decay < 1, "ema.decay", "a number in [0, 1)", o.ema.decay);
        not_negative("ema.eps", o.ema.eps);
        require(o.revive.below >= 0 && o.revive.below <= 1, "revive.below", "a number in [0, 1]", o.revive.below);
    }
};

/// The quantizer spec of a VqVae: `Codebook<512>`. The width comes from the encoder.
template <std::size_t K>
struct Codebook {
    static_assert(K > 0 && K < no_token, "Codebook: at least one vector, and fewer than 2^32 - 1: a token has 32 bits");
    template <StaticShape In, std::floating_point T>
    using Bind = CodebookQuantizer<In, K, T>;
};

}  // namespace tessera
