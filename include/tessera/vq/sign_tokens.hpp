#pragma once
// sign_tokens: tokens of binary quantizers, one bit for the sign of each number of a row.
//
//     token = sum over i of 2^i [z_i > 0]
//     q_i = value where bit i is set, else -value
//
// 0 is not above 0, so it is -value like every number that is not positive: q has two values, never the 0 of
// sign(0). Denormal numbers count as 0, whatever the caller's floating-point environment is.
//
// Shapes   z, q [rows, Bits], tokens [rows]; lookup gives q = 0 for rows without a token (no_token)
// Errors   NumericError for a number that is not finite
// Cost     one pass

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/token.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// Writes the tokens of all rows and q. `name` is the quantizer's, and `first` the index of the first number of z in
/// the batch: both are for messages.
template <std::size_t Bits, std::floating_point T>
void sign_tokens(std::span<const T> z, std::span<Token> tokens, std::span<T> q, T value, const char* name,
                 std::size_t first) {
    with_fp_environment([&] {
        for (std::size_t m = 0; m < tokens.size(); ++m) {
            Token token = 0;
            for (std::size_t i = 0; i < Bits; ++i) {
                const std::size_t at = m * Bits + i;
                if (!(z[at] - z[at] == T(0)))
                    throw NumericError(std::string{name} + ": encoder output " + std::to_string(first + at) + ": " +
                                       expected_got("a finite number", std::to_string(z[at])));
                const bool set = z[at] > T(0);
                token |= static_cast<Token>(set) << i;
                q[at] = set ? value : -value;
            }
            tokens[m] = token;
        }
    });
}

/// q of tokens.
template <std::size_t Bits, std::floating_point T>
void sign_lookup(std::span<const Token> tokens, std::span<T> q, T value) {
    for (std::size_t m = 0; m < tokens.size(); ++m)
        for (std::size_t i = 0; i < Bits; ++i)
            q[m * Bits + i] = tokens[m] == no_token ? T(0) : (tokens[m] >> i & Token{1}) != 0 ? value : -value;
}

}  // namespace tessera
