#pragma once
// require_option: throws the message of an option of an optimiser or a trainer that is invalid.
//
//     require_option(beta1 >= 0 && beta1 < 1, {"AdamW", "beta1", "a number in [0, 1)"}, beta1)
//     AdamW: beta1: expected a number in [0, 1), got 1.5
//
// Errors   ArgumentError where the option is invalid

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>

#include <string>

namespace tessera::inline TESSERA_ABI {

/// What the message says.
struct RequiredOption {
    const char* where;   ///< the class or function
    const char* option;  ///< its name
    const char* expected;
};

/// Throws unless `valid`.
inline void require_option(bool valid, const RequiredOption& text, double got) {
    if (valid) return;
    throw ArgumentError(std::string{text.where} + ": " + text.option + ": " +
                        expected_got(text.expected, number_text(got)));
}

}  // namespace tessera
