#pragma once
// BinaryResidual: hierarchical binary quantization. Each round takes the sign of what the rounds before it left.
//
//     f = tanh(z);   q_0 = 0;   b_m = [f > q_{m-1}],   q_m = q_{m-1} + (2 b_m - 1) 2^-m,   m = 1 .. M;   q = q_M
//     dz = dq (1 - f^2)                                                 straight through all rounds
//                                     (Han, Liu, Wang, Peng, Yuan 2026, HBQ of arXiv:2604.13030; the gradient is not in
//                                      the published code: straight through the sum of the rounds)
//
// Each number is one of the 2^M midpoints (2 k + 1) / 2^M - 1, whose index k has the bits b_1 ... b_M, b_1 most
// significant, and |f - q| <= 2^-M. A tie gives bit 0. Nothing is learned, there is no loss term, and the first m bits
// are those of m rounds.
//
//     BinaryTokens::rounds      one token of C bits for each round, channel 0 least significant: 2^C codes. Rounds can
//                               be dropped: in training with `dropout` and `keep` as in ResidualVq, in decoding with
//                               no_token
//     BinaryTokens::channels    one token of M bits for each channel, its k: 2^M codes. This is the paper's form, for
//                               generators that predict the channels of a position at once. No round is dropped
//
// Shapes   z, q [batch, ... x C], tokens [batch, rows x Rounds], or [batch, rows x C] with BinaryTokens::channels
// Errors   NumericError for a number that is not finite; ArgumentError for an option out of range; static_assert where
//          a token would have 32 bits or more, or there are more than 24 rounds
// Cost     one tanh per number, cached, and Rounds comparisons

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/vq/drop_levels.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/residual_fsq.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

enum class BinaryTokens { rounds, channels };

namespace detail {
template <std::size_t Channels, BinaryTokens Form>
struct BinaryChannels {
    static_assert(
        Form == BinaryTokens::channels || Channels < 32,
        "BinaryResidual: at most 31 channels: a token has a bit for each; more with BinaryTokens::channels, or "
        "GroupedVq<BinaryResidual<Rounds>, groups>");
};
}  // namespace detail

template <StaticShape In, std::size_t Rounds, BinaryTokens Form, std::floating_point T>
struct BinaryResidualQuantizer {
    static constexpr std::size_t width = last_dim<In>, rounds = Rounds, positions = row_count<In>;
    static_assert(sizeof(detail::BinaryChannels<width, Form>) > 0);
    static constexpr std::string_view name = "BinaryResidual";
    static constexpr bool by_round = Form == BinaryTokens::rounds;
    static constexpr std::size_t per_position = by_round ? Rounds : width;
    static constexpr std::size_t tokens = positions * per_position;
    static constexpr std::size_t codes = std::size_t{1} << (by_round ? (width < 32 ? width : 31) : Rounds);
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Buffers = Empty;
    using Options = ResidualOptions;
    struct Packed {
        vq::DropLevels drop;
    };
    struct Cache {
        Tensor<T, In> tanh;
    };

    static void init(Params&, Buffers&, Rng&) {}
    static void pack(const Params&, const Buffers&, const Options& o, Packed& w) {
        w.drop = {.dropout = o.dropout, .keep = o.keep, .depth = Rounds};
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& cache) {
        with_fp_environment([&] {
            const std::size_t run = w.drop.draw(pass);
            for (std::size_t at = 0; at < z.elements(); ++at)
                if (!(z.data()[at] - z.data()[at] == T(0))) refuse(pass.first * In::size + at, z.data()[at]);
            cache.tanh.resize(z.batch());
            kernel::tanh_forward<T>(z.span(), cache.tanh.span());
            for (std::size_t m = 0; m < z.batch() * positions; ++m) {
                Token* const token = out.data() + m * per_position;
                for (std::size_t i = 0; i < per_position; ++i) token[i] = !by_round || i < run ? 0 : no_token;
                for (std::size_t i = 0; i < width; ++i) {
                    const T f = cache.tanh.data()[m * width + i];
                    T sum = 0, step = T(0.5);
                    for (std::size_t r = 0; r < run; ++r, step *= T(0.5)) {
                        const bool bit = f > sum;
                        sum += bit ? step : -step;
                        if constexpr (by_round)
                            token[r] |= static_cast<Token>(bit) << i;
                        else
                            token[i] = token[i] << 1 | static_cast<Token>(bit);
                    }
                    q.data()[m * width + i] = sum;
                }
            }
        });
    }
    // All sums are multiples of 2^-24 below 1, and exact.
    static void lookup(const Packed&, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        with_fp_environment([&] {
            for (std::size_t m = 0; m < in.batch() * positions; ++m) {
                const Token* const token = in.data() + m * per_position;
                for (std::size_t i = 0; i < width; ++i) {
                    T sum = 0, step = T(0.5);
                    for (std::size_t r = 0; r < Rounds; ++r, step *= T(0.5)) {
                        const Token of = token[by_round ? r : i];
                        if (of == no_token) continue;
                        sum += (of >> (by_round ? i : Rounds - 1 - r) & 1) != 0 ? step : -step;
                    }
                    q.data()[m * width + i] = sum;
                }
            }
        });
    }
    static void backward(const Packed&, View<const T, In>, View<const Token, Shape<tokens>> in, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache& cache, Params&) {
        with_fp_environment([&] {
            kernel::tanh_backward<T>(std::as_const(cache.tanh).span(), dq.span(), dz.span());
            zero_absent<T>(in.span(), per_position, dz.span());
        });
    }

    static void check_options(const Options& o) {
        vq::DropLevels{.dropout = o.dropout, .keep = o.keep, .depth = Rounds}.check_options("BinaryResidual");
        if (!by_round && o.dropout > 0)
            throw ArgumentError("BinaryResidual: dropout: " +
                                expected_got("0, because a token has the bits of all rounds", number_text(o.dropout)));
    }
    static std::vector<Setting> settings(const Options& o) {
        return vq::DropLevels{.dropout = o.dropout, .keep = o.keep, .depth = Rounds}.settings();
    }
    static NamedValues metadata() {
        return {{"binary.rounds", std::to_string(Rounds)}, {"binary.tokens", by_round ? "rounds" : "channels"}};
    }

private:
    [[gnu::__noreturn__]] static void refuse(std::size_t at, T got) {
        throw NumericError("BinaryResidual: encoder output " + std::to_string(at) + ": " +
                           expected_got("a finite number", std::to_string(got)));
    }
};

/// `BinaryResidual<4>`, `BinaryResidual<4, BinaryTokens::channels>`
template <std::size_t Rounds, BinaryTokens Form = BinaryTokens::rounds>
struct BinaryResidual {
    static_assert(Rounds > 0 && Rounds <= 24, "BinaryResidual: 1 to 24 rounds: a float holds no finer steps");
    template <StaticShape In, std::floating_point T>
    using Bind = BinaryResidualQuantizer<In, Rounds, Form, T>;
};

}  // namespace tessera
