#pragma once
// The tokens of a call of complete(): the known ones as they are, no_token for those to draw.

#include <tessera/core/error.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

[[gnu::__noreturn__]] inline void refuse_token(const std::string& where, std::size_t sequence, std::size_t position,
                                               const std::string& expected, Token got) {
    throw DataError(where + "sequence " + std::to_string(sequence) + ", token " + std::to_string(position) + ": " +
                    expected_got(expected, got == no_token ? std::string{"no_token"} : std::to_string(got)));
}

/// Those where is_known(position) is true; DataError where one of these is no_token.
template <std::size_t Context, class IsKnown>
std::vector<Token> keep_known(View<const Token, Shape<Context>> sequences, const std::string& where, IsKnown is_known) {
    std::vector<Token> tokens(sequences.span().begin(), sequences.span().end());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (!is_known(i % Context))
            tokens[i] = no_token;
        else if (tokens[i] == no_token)
            refuse_token(where, i / Context, i % Context, "a token, as it is known", no_token);
    }
    return tokens;
}

/// DataError where a token is neither no_token nor in the vocabulary.
template <std::size_t Context>
std::vector<Token> known_tokens(View<const Token, Shape<Context>> sequences, const std::string& where,
                                std::size_t vocab) {
    std::vector<Token> tokens(sequences.span().begin(), sequences.span().end());
    for (std::size_t i = 0; i < tokens.size(); ++i)
        if (tokens[i] >= vocab && tokens[i] != no_token)
            refuse_token(where, i / Context, i % Context, "less than " + std::to_string(vocab), tokens[i]);
    return tokens;
}

}  // namespace tessera::detail
