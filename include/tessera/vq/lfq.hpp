#pragma once
// Lfq: lookup-free quantization. Each channel is one bit, its sign.
//
//     q_i = 1 where z_i > 0, else -1;   token = sum over i of 2^i [z_i > 0]
//     dz = dq                                                 straight through
//     entropy, diversity: vq/bit_entropy.hpp with p_i = sigmoid(4 inv_temperature z_i), which is the softmax of
//                         -inv_temperature |z - c|^2 over all c in {-1, 1}^bits
//     commitment: beta mean (z - q)^2
//                                         (Yu et al. 2023, arXiv:2310.05737, section 3.1, eqs. 3 to 5)
//
// There is no codebook, so the vocabulary may be large: 2^18 in the paper. On the bundled digits, with the nets of
// examples/digits, the defaults use 98 % of 256 tokens after 12 epochs (perplexity 74, 22.9 dB). They are ours. Why,
// after two epochs with inv_temperature 0.25:
//
//     commitment 0.25, weight 0.1, gamma 1       3 %: the first signs stay, the reconstruction's gradient is weaker
//     commitment 0, weight 0.01, gamma 1         3 %: z grows without bound
//     commitment 0.005, weight 0.01, gamma 1     84 %, with the same bit in several channels, which the terms allow
//     commitment 0.005, weight 0.003, gamma 4    95 %: gamma > 1 pulls a bit back to both values
//
// Shapes   z, q [batch, ... x bits], tokens [batch, rows]; one token for each row
// Params   none
// Errors   NumericError for a number that is not finite; ArgumentError for an option out of range; static_assert where
//          the encoder does not have one channel per bit, or bits is not in 1 .. 31
// Cost     forward: one comparison per number; terms: two exp per number, one logarithm per row, and in a VqVae one
//          more forward of the encoder (pack_batch); no table of 2^bits here, but a VqVae counts how often each token
//          occurs: 8 x 2^bits bytes

#include <tessera/core/tensor.hpp>
#include <tessera/vq/bit_entropy.hpp>
#include <tessera/vq/detail/binary_quantizer.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>

#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

struct LfqOptions {
    float commitment = 0.005f;  ///< beta of the commitment term
    BitEntropyOptions entropy{.weight = 0.003f, .diversity_gamma = 4, .inv_temperature = 0.25f};
};

template <StaticShape In, std::size_t Bits, std::floating_point T>
struct LfqQuantizer : detail::BinaryQuantizer<LfqQuantizer<In, Bits, T>, In, Bits, T, LfqOptions> {
    using Base = detail::BinaryQuantizer<LfqQuantizer, In, Bits, T, LfqOptions>;
    using Base::tokens;
    using typename Base::Packed, typename Base::Params, typename Base::Terms;
    static constexpr std::string_view name = "Lfq";

    struct Cache {
        Tensor<T, In> scratch;
    };

    static constexpr T value() { return T(1); }
    static T slope(const BitEntropyOptions& o) { return T(4) * T(o.inv_temperature); }

    static void forward(const Packed&, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache&) {
        Base::sign_rows(pass, z, out, q);
    }
    static void backward(const Packed&, View<const T, In>, View<const Token, Shape<tokens>> chosen, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache&, Params&) {
        straight_through<T>(chosen.span(), dq.span(), dz.span());
    }
    static void pack_batch(View<const T, In> z, Packed& w, Cache& cache) {
        cache.scratch.resize(z.batch());
        Base::Entropy::pack_batch(z.span(), cache.scratch.span(), w.entropy);
    }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen,
                            View<const T, In> q, View<T, In> dz, Cache& cache, Params&, double divisor) {
        cache.scratch.resize(z.batch());
        return Base::terms_of(w, z.span(), chosen.span(), q.span(), cache.scratch.span(), dz.span(), divisor);
    }
};

/// The quantizer spec of a VqVae: `Lfq<10>`, with 2^10 tokens. The encoder gives one channel for each bit.
template <std::size_t Bits>
struct Lfq {
    static_assert(Bits > 0 && Bits < 32, "Lfq: 1 to 31 bits: a token has 32, of which one value means absent");
    template <StaticShape In, std::floating_point T>
    using Bind = LfqQuantizer<In, Bits, T>;
};

}  // namespace tessera
