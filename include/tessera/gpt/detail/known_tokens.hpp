#pragma once
// known_tokens: the tokens of sequences that a call completes, no_token where they are unknown.
//
// Shapes   sequences [sequences, context]; result: as many tokens
// Errors   DataError where a token that is said to be known is no_token, or where one is not in the vocabulary

#include <tessera/core/error.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// is_known(position); `where` names the caller in messages.
template <std::size_t Context, class Known>
std::vector<Token> known_tokens(const std::string& where, View<const Token, Shape<Context>> sequences, Known is_known) {
    std::vector<Token> tokens(sequences.span().begin(), sequences.span().end());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (!is_known(i % Context)) {
            tokens[i] = no_token;
        } else if (tokens[i] == no_token) {
            throw DataError(where + "sequence " + std::to_string(i / Context) + ", token " +
                            std::to_string(i % Context) + ": expected a token, as it is known, got no_token");
        }
    }
    return tokens;
}

/// Throws unless each token is below `vocab` or no_token.
inline void check_tokens_to_fill(const std::string& where, const std::vector<Token>& tokens, std::size_t context,
                                 std::size_t vocab) {
    for (std::size_t i = 0; i < tokens.size(); ++i)
        if (tokens[i] >= vocab && tokens[i] != no_token)
            throw DataError(where + "sequence " + std::to_string(i / context) + ", token " +
                            std::to_string(i % context) + ": " +
                            expected_got("less than " + std::to_string(vocab), std::to_string(tokens[i])));
}

}  // namespace tessera::detail
