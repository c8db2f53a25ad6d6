#pragma once
// Fsq: finite scalar quantization. Each channel is bounded and rounded to one of L levels.
//
//     FsqBound::tanh (the paper's)  h = (L - 1)(1 - eps)/2, eps = 1e-3;  o = 1/2 for even L, else 0;  s = atanh(o / h),
//                                   so that u(0) = 0 (the paper's listing has tan here; vector-quantize-pytorch atanh)
//                                   u = h tanh(z + s) - o,  digit = round(u) + floor(L/2),  q = round(u) / floor(L/2)
//     FsqBound::symmetric           u = (L - 1)(tanh(z) + 1)/2,  digit = round(u),  q = (2 digit - (L - 1)) / (L - 1)
//     FsqBound::scaled_sigmoid      the same with 2 sigmoid(1.6 z) - 1 = tanh(0.8 z) in place of tanh(z)
//     token = sum over channels of digit_i times the product of L_j, j < i
//     dz = dq du/dz dq/du                                               straight through the rounding
//                                     (Mentzer, Minnen, Agustsson, Tschannen 2023, arXiv:2309.15505)
//
// The product of the levels is the size of the vocabulary. Nothing is learned and nothing can collapse, so there is no
// codebook, no loss term and no update.
//
// The paper's bound gives even L one level more below zero than above: q is in [-1, 1 - 2/L], and in [-1, 1] for odd L.
// The symmetric one (GitHub lucidrains/vector-quantize-pytorch, `preserve_symmetry`) is in [-1, 1] for every L, has no
// value at zero for even L, and also accepts L = 2, which the paper's bound cannot (atanh of more than 1).
//
// The scaled sigmoid is that of iFSQ (arXiv:2601.17124; its code takes odd L only). It maps a standard normal z to a
// nearly uniform u, so that the inner levels are equally likely: with L = 16 between 1.06 and 1.16 of a share of 1/L,
// with the symmetric bound between 0.85 and 1.44. The intervals of the two outer levels are half as wide: they get 0.28
// of a share, with the symmetric bound 0.74.
//
// The paper's table 1 recommends, for vocabularies of about 2^8, 2^10, 2^12, 2^14 and 2^16, <8, 6, 5> (240 tokens),
// <8, 5, 5, 5> (1000), <7, 5, 5, 5, 5> (4375), <8, 8, 8, 6, 5> (15360) and <8, 8, 8, 5, 5, 5> (64000).
//
// Shapes   z, q [batch, ... x number of levels], tokens [batch, rows]; one token for each row
// Errors   NumericError for an element that is not finite; static_assert where the encoder does not have one channel
//          per number of levels, a level is too small for its bound, or the product of the levels is not below 2^32 - 1
// Cost     one tanh per element, cached, as large as z; no search

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/vq/detail/channels_match.hpp>
#include <tessera/vq/detail/token_product.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

enum class FsqBound { tanh, symmetric, scaled_sigmoid };

template <StaticShape In, FsqBound Bound, std::floating_point T, std::size_t... L>
struct FsqQuantizer {
    static_assert(sizeof(detail::ChannelsMatch<last_dim<In>, sizeof...(L)>) > 0);
    static constexpr std::string_view name = "Fsq";
    static constexpr std::size_t width = sizeof...(L), tokens = row_count<In>, codes = (L * ... * 1);
    static constexpr std::array<std::size_t, width> levels{L...};
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Buffers = Empty;
    struct Options {};

    // u = scale tanh(gain z + shift) - offset; the digit is round(u) + lowest.
    struct Packed {
        std::array<T, width> scale{}, shift{}, offset{};
    };
    struct Cache {
        Tensor<T, In> tanh;
    };

    static void init(Params&, Buffers&, Rng&) {}
    static void pack(const Params&, const Buffers&, const Options&, Packed& w) {
        for (std::size_t i = 0; i < width; ++i) {
            const double span = static_cast<double>(levels[i] - 1);
            if constexpr (symmetric) {
                w.scale[i] = static_cast<T>(span / 2);
                w.shift[i] = T(0);
                w.offset[i] = static_cast<T>(-span / 2);
            } else {
                const double h = span * (1 - 1e-3) / 2, o = levels[i] % 2 == 0 ? 0.5 : 0;
                w.scale[i] = static_cast<T>(h);
                w.shift[i] = static_cast<T>(std::atanh(o / h));
                w.offset[i] = static_cast<T>(o);
            }
        }
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& cache) {
        with_fp_environment([&] {
            // t = tanh(gain z + shift), then per channel u = scale t - offset, digit, q and its part of the token
            cache.tanh.resize(z.batch());
            const std::size_t rows = z.batch() * tokens;
            T* const t = cache.tanh.data();
            for (std::size_t m = 0; m < rows; ++m)
                for (std::size_t i = 0; i < width; ++i)
                    t[m * width + i] = kernel::simd::fma<T>(gain, z.data()[m * width + i], w.shift[i]);
            kernel::tanh_forward<T>({t, rows * width}, {t, rows * width});
            for (std::size_t m = 0; m < rows; ++m) {
                std::size_t token = 0, unit = 1;
                for (std::size_t i = 0; i < width; ++i) {
                    const std::size_t at = m * width + i;
                    if (!(z.data()[at] - z.data()[at] == T(0))) refuse(pass.first * In::size + at, z.data()[at]);
                    const std::size_t digit = digit_of(kernel::simd::fma<T>(w.scale[i], t[at], -w.offset[i]), i);
                    q.data()[at] = value(digit, i);
                    token += digit * unit;
                    unit *= levels[i];
                }
                out.data()[m] = static_cast<Token>(token);
            }
        });
    }
    static void lookup(const Packed&, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        with_fp_environment([&] {
            for (std::size_t m = 0; m < in.batch() * tokens; ++m) {
                const Token token = in.data()[m];
                std::size_t rest = token;
                for (std::size_t i = 0; i < width; rest /= levels[i++])
                    q.data()[m * width + i] = token == no_token ? T(0) : value(rest % levels[i], i);
            }
        });
    }
    static void backward(const Packed& w, View<const T, In>, View<const Token, Shape<tokens>> chosen, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache& cache, Params&) {
        with_fp_environment([&] {
            // dz = dq dq/du du/dz with du/dz = gain scale (1 - t^2)
            for (std::size_t m = 0; m < dz.batch() * tokens; ++m)
                for (std::size_t i = 0; i < width; ++i) {
                    const std::size_t at = m * width + i;
                    const T t = cache.tanh.data()[at];
                    dz.data()[at] = dq.data()[at] * (gain * w.scale[i] * step(i)) * kernel::simd::fma<T>(-t, t, T(1));
                }
            zero_absent<T>(chosen.span(), 1, dz.span());
        });
    }

    /// The levels and the bound, which are not visible in the shapes of a file.
    static NamedValues metadata() {
        std::string text;
        for (const std::size_t l : levels) text += (text.empty() ? "" : ",") + std::to_string(l);
        return {{"fsq.levels", text}, {"fsq.bound", bound_name()}};
    }

private:
    static constexpr bool symmetric = Bound != FsqBound::tanh;
    static constexpr T gain = Bound == FsqBound::scaled_sigmoid ? T(0.8) : T(1);

    static constexpr const char* bound_name() {
        switch (Bound) {
        case FsqBound::symmetric:
            return "symmetric";
        case FsqBound::scaled_sigmoid:
            return "scaled_sigmoid";
        default:
            return "tanh";
        }
    }
    // dq/du, the distance between two values of q.
    static constexpr T step(std::size_t i) {
        return symmetric ? T(2) / static_cast<T>(levels[i] - 1) : T(1) / static_cast<T>(levels[i] / 2);
    }
    // In floating point u may equal the bound exactly; its rounding must not leave the range of levels.
    static std::size_t digit_of(T u, std::size_t i) {
        const T lowest = symmetric ? T(0) : static_cast<T>(levels[i] / 2);
        // arXiv:2411.19842 rounds halves of the symmetric bound up, the paper's listing to even.
        const T digit = (Bound == FsqBound::symmetric ? std::floor(u + T(0.5)) : std::nearbyint(u)) + lowest;
        if (!(digit > T(0))) return 0;
        const auto whole = static_cast<std::size_t>(digit);
        return whole < levels[i] ? whole : levels[i] - 1;
    }
    static T value(std::size_t digit, std::size_t i) {
        if constexpr (symmetric)
            return (T(2) * static_cast<T>(digit) - static_cast<T>(levels[i] - 1)) / static_cast<T>(levels[i] - 1);
        else
            return (static_cast<T>(digit) - static_cast<T>(levels[i] / 2)) / static_cast<T>(levels[i] / 2);
    }
    [[gnu::__noreturn__]] static void refuse(std::size_t at, T got) {
        throw NumericError("Fsq: encoder output " + std::to_string(at) + ": " +
                           expected_got("a finite number", std::to_string(got)));
    }
};

/// The quantizer spec of a VqVae: `Fsq<8, 5, 5, 5>`. The encoder gives one channel for each number of levels.
template <std::size_t... L>
struct Fsq {
    static_assert(sizeof...(L) > 0 && ((L >= 3) && ...),
                  "Fsq: at least 3 levels for each channel: FsqWith<FsqBound::symmetric, 2, ...> takes 2");
    static_assert(detail::product_up_to_tokens({L...}) < no_token,
                  "Fsq: the product of the levels must be less than 2^32 - 1: a token has 32 bits");
    template <StaticShape In, std::floating_point T>
    using Bind = FsqQuantizer<In, FsqBound::tanh, T, L...>;
};

/// `FsqWith<FsqBound::symmetric, 4, 4, 4>`, `FsqWith<FsqBound::scaled_sigmoid, 17, 17, 17, 17>`
template <FsqBound Bound, std::size_t... L>
struct FsqWith {
    static_assert(sizeof...(L) > 0 && ((L >= (Bound == FsqBound::tanh ? 3 : 2)) && ...),
                  "FsqWith: at least 3 levels for each channel with the bound tanh, 2 with the others");
    static_assert(detail::product_up_to_tokens({L...}) < no_token,
                  "FsqWith: the product of the levels must be less than 2^32 - 1: a token has 32 bits");
    template <StaticShape In, std::floating_point T>
    using Bind = FsqQuantizer<In, Bound, T, L...>;
};

}  // namespace tessera
