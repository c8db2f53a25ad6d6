#pragma once
// Tokens: a dataset of sequences of N tokens in memory, with or without labels.
//
// The first stage makes it from a dataset of images, and the second stage is trained on it.
//
// Shapes   tokens [sequences, N], labels [sequences] or empty
// Errors   DataError where the number of tokens is not a multiple of N, or the labels do not match
// Cost     4 bytes a token, 4 bytes a label

#include <tessera/core/error.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/labels.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

template <std::size_t N>
    requires(N > 0)
class Tokens {
public:
    using Example = View<const Token, Shape<N>>;

    Tokens() = default;
    /// Without labels the vector is empty; `classes` 0 means one more than the largest label.
    explicit Tokens(std::vector<Token> tokens, std::vector<Label> labels = {}, std::size_t classes = 0)
        : tokens_{std::move(tokens)} {
        if (tokens_.size() % N != 0)
            throw DataError("Tokens: tokens: " +
                            expected_got("a multiple of " + std::to_string(N), std::to_string(tokens_.size())));
        labels_ = Labels{std::move(labels), classes, size(), "Tokens"};
    }

    [[nodiscard]] std::size_t size() const { return tokens_.size() / N; }
    [[nodiscard]] View<const Token, Shape<N>> view() const { return {tokens_.data(), size()}; }
    [[nodiscard]] std::span<const Token, N> operator[](std::size_t i) const { return view()[i]; }

    void copy(std::size_t i, std::span<Token, N> destination) const {
        std::copy_n(tokens_.data() + i * N, N, destination.data());
    }

    [[nodiscard]] bool labelled() const { return !labels_.empty(); }
    [[nodiscard]] Label label(std::size_t i) const { return labels_[i]; }
    [[nodiscard]] std::span<const Label> labels() const { return labels_.span(); }
    [[nodiscard]] std::size_t classes() const { return labels_.classes(); }

private:
    std::vector<Token> tokens_;
    Labels labels_;
};

}  // namespace tessera::data
