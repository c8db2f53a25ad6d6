#pragma once
// token_frequencies: a row of logits as integer frequencies, for an entropy coder.
//
//     w_i = e^(l_i - max l) in float,   u_i = floor(2^32 w_i),   U = sum of u_i
//     f_i = 1 + floor(u_i floor(2^40 (2^24 - n) / U) / 2^40),   the rest of 2^24 is added to the first largest f
//
// e^x is the library's (kernel/simd/vector_math.hpp), with the same bits in every program that is compiled with FMA
// (AVX2, AVX-512, NEON), and with other bits without FMA; the rest is integer arithmetic. So encoder and decoder have
// the same frequencies wherever both are compiled with FMA. Where only one is, the hashes of the prior differ, and
// TokenCodec refuses the file (codec/model_hash.hpp). Each token has a frequency of at least 1: the codec has no token
// that it cannot write, however improbable. That, and the rounding, cost less than n / 2^24 of the probability of a
// likely token: 0.00003 bits with a vocabulary of 256, 0.006 with 65,536.
//
// Shapes   logits [n], frequencies [n], n of at most 2^20; the frequencies sum to 2^24
// Errors   ArgumentError where the sizes differ, or are 0 or above 2^20; NumericError where a logit is NaN or +infinity
//          or all are -infinity
// Cost     four passes over the row; overwrites the logits with w

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/softmax.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI::codec {

inline constexpr std::uint32_t total_frequency = std::uint32_t{1} << 24;
inline constexpr std::size_t most_symbols = std::size_t{1} << 20;

inline void token_frequencies(std::span<float> logits, std::span<std::uint32_t> frequencies) {
    const std::size_t n = logits.size();
    if (n == 0 || n > most_symbols)
        throw ArgumentError("token_frequencies: logits: " + expected_got("1 to 2^20", std::to_string(n)));
    if (frequencies.size() != n)
        throw ArgumentError("token_frequencies: frequencies: " + expected_got(n, frequencies.size()));
    with_fp_environment([&] {
        const float largest = kernel::simd::largest(n, static_cast<const float*>(logits.data()));
        const float sum = kernel::exp_row<float>(logits, largest, logits);
        if (!(sum > 0) || !std::isfinite(largest))
            throw NumericError("token_frequencies: logits: expected finite numbers, got NaN or infinity");
        std::uint64_t weights = 0;  // of the largest alone 2^32
        for (const float w : logits) weights += static_cast<std::uint64_t>(w * 0x1p32f);
        const std::uint64_t factor = (std::uint64_t{total_frequency - n} << 40) / weights;  // below 2^32
        std::uint32_t rest = total_frequency;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t weight = static_cast<std::uint64_t>(logits[i] * 0x1p32f);
            frequencies[i] = 1 + static_cast<std::uint32_t>(weight * factor >> 40);
            rest -= frequencies[i];
        }
        *std::ranges::max_element(frequencies) += rest;
    });
}

}  // namespace tessera::codec
