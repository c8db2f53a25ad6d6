#pragma once
// ResidualFsq: finite scalar quantization in levels: each level divides the cells of the one before it.
//
//     c = 1 + 1/(L - 1);   r_0 = c tanh(z / c)
//     u = (L - 1)(clamp(r_l L^l, -1, 1) + 1)/2,   digit = floor(u + 1/2)
//     q_l = (2 digit - (L - 1)) / (L - 1) / L^l,   r_{l+1} = r_l - q_l,   q = sum_l q_l
//     token of level l = sum over channels of digit_i times the product of L_j, j < i
//     dz = dq (1 - tanh(z / c)^2)                                       straight through all levels
//                  (FSQ: Mentzer et al. 2023, arXiv:2309.15505; its symmetric values: Parker et al. 2024,
//                   arXiv:2411.19842; in levels: GitHub lucidrains/vector-quantize-pytorch 1.32, ResidualFSQ)
//
// r_0 is in (-c, c), which the L values of the first level divide into L cells of equal size; what is left is at most
// half a cell, c / L, so the next level works on L times that. Depth levels divide (-c, c) into L^depth equal cells. In
// vector-quantize-pytorch up to 1.31 the scale was (L - 1)^-l, for residuals up to 1 / (L - 1).
//
// Nothing is learned. `dropout` and `keep` are those of ResidualVq. Fewer levels than there are can be decoded: the
// tokens of the others are no_token.
//
// Shapes   z, q [batch, ... x number of levels], tokens [batch, rows x Depth]
// Errors   NumericError for a number that is not finite; ArgumentError for an option out of range; static_assert where
//          the encoder does not have one channel per number of levels, one is below 2, or their product, or one to the
//          power of Depth, is too large
// Cost     one tanh per number, cached, and Depth roundings

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/detail/channels_match.hpp>
#include <tessera/vq/detail/token_product.hpp>
#include <tessera/vq/drop_levels.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Of ResidualFsq and BinaryResidual; see ResidualVq.
struct ResidualOptions {
    double dropout = 0;    ///< probability that a training step draws how many levels it keeps, in [0, 1]
    std::size_t keep = 1;  ///< the levels that a step keeps at least
};

namespace detail {
// base^exponent, but at most `limit`.
constexpr std::size_t power_up_to(std::size_t base, std::size_t exponent, std::size_t limit) {
    std::size_t power = 1;
    for (; exponent > 0 && power < limit; --exponent) power *= base;
    return power < limit ? power : limit;
}
}  // namespace detail

template <StaticShape In, std::size_t Depth, std::floating_point T, std::size_t... L>
struct ResidualFsqQuantizer {
    static_assert(sizeof(detail::ChannelsMatch<last_dim<In>, sizeof...(L)>) > 0);
    static constexpr std::string_view name = "ResidualFsq";
    static constexpr std::size_t width = sizeof...(L), depth = Depth, positions = row_count<In>;
    static constexpr std::size_t tokens = positions * Depth, codes = (L * ... * 1);
    static constexpr std::array<std::size_t, width> levels{L...};
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Buffers = Empty;
    using Options = ResidualOptions;

    struct Packed {
        vq::DropLevels drop;
        std::array<T, width> bound{};                     // c
        std::array<std::array<T, width>, Depth> scale{};  // L^l
    };
    struct Cache {
        Tensor<T, In> tanh;
    };

    static void init(Params&, Buffers&, Rng&) {}
    static void pack(const Params&, const Buffers&, const Options& o, Packed& w) {
        w.drop = {.dropout = o.dropout, .keep = o.keep, .depth = Depth};
        for (std::size_t i = 0; i < width; ++i) {
            w.bound[i] = static_cast<T>(1 + 1 / static_cast<double>(levels[i] - 1));
            std::size_t scale = 1;
            for (std::size_t l = 0; l < Depth; ++l, scale *= levels[i]) w.scale[l][i] = static_cast<T>(scale);
        }
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& cache) {
        with_fp_environment([&] {
            const std::size_t run = w.drop.draw(pass), elements = z.elements();
            cache.tanh.resize(z.batch());
            T* const t = cache.tanh.data();
            for (std::size_t at = 0; at < elements; ++at) {
                if (!(z.data()[at] - z.data()[at] == T(0))) refuse(pass.first * In::size + at, z.data()[at]);
                t[at] = z.data()[at] / w.bound[at % width];
            }
            kernel::tanh_forward<T>({t, elements}, {t, elements});
            std::ranges::fill(out.span(), no_token);
            for (std::size_t m = 0; m < z.batch() * positions; ++m) {
                std::array<T, width> rest;
                for (std::size_t i = 0; i < width; ++i) {
                    rest[i] = w.bound[i] * t[m * width + i];
                    q.data()[m * width + i] = T(0);
                }
                for (std::size_t l = 0; l < run; ++l) {
                    std::size_t token = 0, unit = 1;
                    for (std::size_t i = 0; i < width; ++i) {
                        const std::size_t digit = digit_of(rest[i] * w.scale[l][i], i);
                        const T value = value_of(w, digit, l, i);
                        rest[i] -= value;
                        q.data()[m * width + i] += value;
                        token += digit * unit;
                        unit *= levels[i];
                    }
                    out.data()[m * Depth + l] = static_cast<Token>(token);
                }
            }
        });
    }
    static void lookup(const Packed& w, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        with_fp_environment([&] {
            std::ranges::fill(q.span(), T(0));
            for (std::size_t m = 0; m < in.batch() * positions; ++m)
                for (std::size_t l = 0; l < Depth; ++l) {
                    const Token token = in.data()[m * Depth + l];
                    if (token == no_token) continue;
                    std::size_t digits = token;
                    for (std::size_t i = 0; i < width; digits /= levels[i++])
                        q.data()[m * width + i] += value_of(w, digits % levels[i], l, i);
                }
        });
    }
    static void backward(const Packed&, View<const T, In>, View<const Token, Shape<tokens>> in, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache& cache, Params&) {
        with_fp_environment([&] {
            kernel::tanh_backward<T>(std::as_const(cache.tanh).span(), dq.span(), dz.span());
            zero_absent<T>(in.span(), Depth, dz.span());
        });
    }

    static void check_options(const Options& o) {
        vq::DropLevels{.dropout = o.dropout, .keep = o.keep, .depth = Depth}.check_options("ResidualFsq");
    }
    static std::vector<Setting> settings(const Options& o) {
        return vq::DropLevels{.dropout = o.dropout, .keep = o.keep, .depth = Depth}.settings();
    }
    /// The numbers of levels, which are not visible in the shapes of a file.
    static NamedValues metadata() {
        std::string text;
        for (const std::size_t l : levels) text += (text.empty() ? "" : ",") + std::to_string(l);
        return {{"residual_fsq.levels", text}};
    }

private:
    static std::size_t digit_of(T r, std::size_t i) {
        const T span = static_cast<T>(levels[i] - 1);
        const T u = span * ((std::clamp(r, T(-1), T(1)) + T(1)) / T(2));
        return (std::min)(static_cast<std::size_t>(std::floor(u + T(0.5))), levels[i] - 1);
    }
    static T value_of(const Packed& w, std::size_t digit, std::size_t l, std::size_t i) {
        const T span = static_cast<T>(levels[i] - 1);
        return (T(2) * static_cast<T>(digit) - span) / (span * w.scale[l][i]);
    }
    [[gnu::__noreturn__]] static void refuse(std::size_t at, T got) {
        throw NumericError("ResidualFsq: encoder output " + std::to_string(at) + ": " +
                           expected_got("a finite number", std::to_string(got)));
    }
};

/// `ResidualFsq<2, 5, 5, 5>`: two levels of 125 tokens. The encoder gives one channel for each number of levels.
template <std::size_t Depth, std::size_t... L>
struct ResidualFsq {
    static_assert(Depth > 0 && sizeof...(L) > 0 && ((L >= 2) && ...),
                  "ResidualFsq: at least one level of quantization, and at least 2 values for each channel");
    static_assert(detail::product_up_to_tokens({L...}) < no_token,
                  "ResidualFsq: the product of the levels must be less than 2^32 - 1: a token has 32 bits");
    // A float holds whole numbers up to 2^24; finer cells would not be told apart.
    static_assert(((detail::power_up_to(L, Depth, std::size_t{1} << 24) < (std::size_t{1} << 24)) && ...),
                  "ResidualFsq: each number of levels to the power of the depth must be less than 2^24");
    template <StaticShape In, std::floating_point T>
    using Bind = ResidualFsqQuantizer<In, Depth, T, L...>;
};

}  // namespace tessera
