#pragma once
// The quantizer between encoder and decoder, on rows of `width` numbers.
//
//     quantize     tokens = a(z), q = e[a(z)]
//     commit       dq += scale (z - q): what the commitment adds to the straight-through gradient

#include <tessera/core/error.hpp>
#include <tessera/kernel/denormals.hpp>
#include <tessera/kernel/nearest_code.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// The codes as the search and the look-up read them.
template <std::floating_point T>
struct PackedCodes {
    kernel::CodePanels<T> panels;
    Buffer<T> weight;

    template <class State>
    void pack(const State& book) {
        kernel::in_own_mode([&] {
            panels.pack(State::codes, State::width, book.weight.data());
            weight.assign(book.weight.span().begin(), book.weight.span().end());
        });
    }
};

/// Throws NumericError for the first number that is not finite; they are counted from `first`.
template <std::floating_point T>
void check_finite(std::span<const T> z, const char* what, std::size_t first = 0) {
    for (std::size_t i = 0; i < z.size(); ++i)
        if (!(z[i] - z[i] == T(0)))
            throw NumericError("VqVae: " + std::string{what} + " " + std::to_string(first + i) + ": " +
                               expected_got("a finite number", std::to_string(z[i])));
}

/// q = the codes of tokens.
template <std::floating_point T>
void gather(const PackedCodes<T>& codes, std::span<const Token> tokens, std::span<T> q) {
    const std::size_t width = codes.panels.width();
    for (std::size_t m = 0; m < tokens.size(); ++m)
        std::copy_n(codes.weight.data() + tokens[m] * width, width, q.data() + m * width);
}

/// The nearest codes of rows first .. last - 1 of z; no_token where there is none.
template <std::floating_point T>
void search(const PackedCodes<T>& codes, std::span<const T> z, std::span<Token> tokens, std::size_t first,
            std::size_t last) {
    const std::size_t width = codes.panels.width();
    kernel::nearest_code<T>(last - first, z.data() + first * width, width, codes.panels, tokens.data() + first);
}

/// A vector with NaN, or so large that its scores overflow, has no nearest code: NumericError. They are counted from
/// `first`: a batch comes in blocks.
template <std::floating_point T>
void check_found(std::span<const T> z, std::span<const Token> tokens, std::size_t first = 0) {
    if (const auto bad = std::ranges::find(tokens, no_token); bad != tokens.end()) {
        check_finite(z, "encoder output", first * (z.size() / tokens.size()));
        throw NumericError("VqVae: vector " + std::to_string(first + static_cast<std::size_t>(bad - tokens.begin())) +
                           ": no code is nearest: expected numbers whose squares are finite");
    }
}

/// Fills tokens and q; throws as check_found.
template <std::floating_point T>
void quantize(const PackedCodes<T>& codes, std::span<const T> z, std::span<Token> tokens, std::span<T> q,
              std::size_t first = 0) {
    kernel::in_own_mode([&] {
        search(codes, z, tokens, 0, tokens.size());
        check_found(z, std::span<const Token>{tokens}, first);
        gather(codes, std::span<const Token>{tokens}, q);
    });
}

/// Returns the sum of (z - q)^2.
template <std::floating_point T>
double commit(std::span<const T> z, std::span<const T> q, std::span<T> dq, T scale) {
    return kernel::in_own_mode([&] {
        const kernel::simd::Vec<T> factor(scale);
        kernel::simd::map(
            dq.size(), dq.data(),
            [&](const auto& d, const auto& a, const auto& b) { return kernel::simd::fma<T>(factor, a - b, d); },
            static_cast<const T*>(dq.data()), z.data(), q.data());
        return kernel::squared_error<T>(z, q);
    });
}

}  // namespace tessera
