#pragma once
// quantize: the operations of a quantizer with a codebook, on rows of `width` elements.
//
//     quantize            tokens = a(z), q = e[a(z)],   a(z) = argmin_k |z - e_k|^2
//     straight_through    dz = dq
//     add_commitment      dz += scale (z - q): the gradient of the commitment term
//
// Rows without a token (no_token) have q = 0, dz = 0 and no commitment.
//
// Shapes   z, q, dz, dq [rows, width], tokens [rows]
// Errors   NumericError for a number that is not finite, or a row whose scores overflow so that no vector is nearest
// Cost     rows K width multiply-adds for the search, one copy per row for the lookup; the gradients are one pass each

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/nearest_vector.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// The codebook vectors as the search (panels) and the lookup (weight) read them.
template <std::floating_point T>
struct PackedCodes {
    kernel::CodePanels<T> panels;
    Buffer<T> weight;

    /// `write` writes the vectors into a span of k width elements.
    template <class F>
    void pack(std::size_t k, std::size_t width, F&& write) {
        with_fp_environment([&] {
            weight.resize(k * width);
            write(std::span<T>{weight});
            panels.pack(k, width, weight.data());
        });
    }
    template <class State>
    void pack(const State& book) {
        pack(State::codes, State::width, [&](std::span<T> e) { std::ranges::copy(book.weight.span(), e.data()); });
    }
};

/// Throws NumericError for the first number that is not finite; its index in the message is counted from `first`.
template <std::floating_point T>
void check_finite(std::span<const T> z, const char* what, std::size_t first = 0) {
    for (std::size_t i = 0; i < z.size(); ++i)
        if (!(z[i] - z[i] >= T(0)))  // infinity - infinity is NaN
            throw NumericError("VqVae: " + std::string{what} + " " + std::to_string(first + i) + ": " +
                               expected_got("a finite number", std::to_string(z[i])));
}

/// q = e[tokens]; zero for absent tokens (no_token).
template <std::floating_point T>
void lookup_tokens(const PackedCodes<T>& codes, std::span<const Token> tokens, std::span<T> q) {
    const std::size_t width = codes.panels.width();
    for (std::size_t m = 0; m < tokens.size(); ++m) {
        T* const row = q.data() + m * width;
        if (tokens[m] == no_token)
            std::fill_n(row, width, T(0));
        else
            std::copy_n(codes.weight.data() + std::size_t{tokens[m]} * width, width, row);
    }
}

/// The nearest codebook vectors of rows first .. last - 1 of z; no_token where there is none.
template <std::floating_point T>
void nearest_tokens(const PackedCodes<T>& codes, std::span<const T> z, std::span<Token> tokens, std::size_t first,
                    std::size_t last) {
    const std::size_t width = codes.panels.width();
    kernel::nearest_vector<T>(last - first, z.data() + first * width, width, codes.panels, tokens.data() + first);
}

/// Throws NumericError for a row that has no token: it contains NaN, or its scores overflow. Rows are counted from
/// `first`, because a batch is processed in blocks.
template <std::floating_point T>
void check_found(std::span<const T> z, std::span<const Token> tokens, std::size_t first = 0) {
    if (const auto bad = std::find(tokens.begin(), tokens.end(), no_token); bad != tokens.end()) {
        check_finite(z, "encoder output", first * (z.size() / tokens.size()));
        throw NumericError("VqVae: vector " + std::to_string(first + static_cast<std::size_t>(bad - tokens.begin())) +
                           ": no codebook vector is nearest: expected numbers whose squares are finite");
    }
}

/// tokens = a(z), q = e[tokens]; throws as check_found.
template <std::floating_point T>
void quantize(const PackedCodes<T>& codes, std::span<const T> z, std::span<Token> tokens, std::span<T> q,
              std::size_t first = 0) {
    with_fp_environment([&] {
        nearest_tokens(codes, z, tokens, 0, tokens.size());
        check_found(z, std::span<const Token>{tokens}, first);
        lookup_tokens(codes, std::span<const Token>{tokens}, q);
    });
}

/// Sets the rows of x to 0 whose position has no token at all; there are `per_row` tokens and x.size() / rows elements
/// per row.
template <std::floating_point T>
void zero_absent(std::span<const Token> tokens, std::size_t per_row, std::span<T> x) {
    if (std::find(tokens.begin(), tokens.end(), no_token) == tokens.end()) return;
    const std::size_t rows = tokens.size() / per_row, width = x.size() / rows;
    for (std::size_t m = 0; m < rows; ++m)
        if (std::ranges::all_of(tokens.subspan(m * per_row, per_row), [](Token t) { return t == no_token; }))
            std::fill_n(x.data() + m * width, width, T(0));
}

/// dz = dq, and zero for rows without a token.
template <std::floating_point T>
void straight_through(std::span<const Token> tokens, std::span<const T> dq, std::span<T> dz) {
    std::ranges::copy(dq, dz.data());
    zero_absent<T>(tokens, 1, dz);
}

/// dz += scale (z - q); returns the sum of (z - q)^2. Rows without a token are skipped.
template <std::floating_point T>
double add_commitment(std::span<const T> z, std::span<const Token> tokens, std::span<const T> q, std::span<T> dz,
                      T scale) {
    const auto add = [&](std::size_t first, std::size_t count) {
        const kernel::simd::Vec<T> factor(scale);
        kernel::simd::map(
            count, dz.data() + first,
            [&](const auto& d, const auto& a, const auto& b) { return kernel::simd::fma<T>(factor, a - b, d); },
            static_cast<const T*>(dz.data()) + first, z.data() + first, q.data() + first);
        return kernel::squared_error<T>(z.subspan(first, count), q.subspan(first, count));
    };
    return with_fp_environment([&] {
        if (std::find(tokens.begin(), tokens.end(), no_token) == tokens.end()) return add(0, dz.size());
        const std::size_t width = z.size() / tokens.size();
        double sum = 0;
        for (std::size_t m = 0; m < tokens.size(); ++m)
            if (tokens[m] != no_token) sum += add(m * width, width);
        return sum;
    });
}

}  // namespace tessera
