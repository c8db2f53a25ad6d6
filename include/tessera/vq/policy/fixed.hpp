#pragma once
// Fixed: learning policy of a Codebook: the vectors stay as k-means initialised them from the first batch, or as they
// were loaded; only the encoder moves.
//
// Params   none; buffer "codebook.weight" [K, D], N(0, 1)

#include <tessera/core/batch_part.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/vq/codebook_options.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/kmeans.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::vq {

template <std::size_t K, std::size_t D, std::floating_point T>
struct FixedVectors {
    static constexpr bool by_gradient = false, averages = false, revives = false, initializes = true;
    using Params = Empty;
    using Packed = Empty;
    using Cache = Empty;
    using Statistics = Empty;
    struct Buffers {
        Param<T, Shape<K, D>> weight;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            auto inner = with_prefix("codebook", f);
            inner("weight", b.weight...);
        }
    };

    static void init(Params&, Buffers& buffers, Rng& rng) {
        for (T& v : buffers.weight.span()) v = static_cast<T>(rng.normal());
    }
    static void vectors(const Params&, const Buffers& buffers, const CodebookOptions&, Packed&, std::span<T> e) {
        std::ranges::copy(buffers.weight.span(), e.data());
    }
    static void observe(const Packed&, std::span<const T>, std::span<const Token>, std::size_t, const BatchPart&, Rng,
                        bool, Cache&, Statistics&) {}
    static void update(Params&, Buffers&, const Statistics&, const CodebookOptions&) {}
    static void initialize_from_data(Params&, Buffers& buffers, std::span<const T> x, const CodebookOptions& options,
                                     Rng rng) {
        if (!options.kmeans) return;
        CodebookState<K, D, T> book;
        kmeans(book, x, rng);
        std::ranges::copy(book.weight.span(), buffers.weight.data());
    }
    static bool optional_in_file(std::string_view) { return false; }
    static void fill_missing(Params&, Buffers&, std::span<const std::string>) noexcept {}
};

struct Fixed {
    using category = LearningPolicy;
    template <std::size_t K, std::size_t D, std::floating_point T>
    using Of = FixedVectors<K, D, T>;
};

}  // namespace tessera::vq
