#pragma once
// check_option: throws the message of an option of an optimiser or a trainer that is invalid.
//
//     AdamW: beta1: expected a number in [0, 1), got 1.5
//
// Errors   ArgumentError where the option is invalid

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>

#include <string>

namespace tessera::inline TESSERA_ABI {

/// Throws unless `good`; `where` names the class and `what` its option.
inline void check_option(bool good, const char* where, const char* what, const char* expected, double got) {
    if (good) return;
    throw ArgumentError(std::string{where} + ": " + what + ": " + expected_got(expected, number_text(got)));
}

}  // namespace tessera
