#pragma once
// nearest_few: the few codebook vectors that are nearest to each row, the nearest first.
//
//     argmin_k |z - e_k|^2 = argmax_k (z e_k - |e_k|^2 / 2),   and the next best ones;   q = e[tokens]
//
// For the beam of ResidualVq. Any quantizer may offer it: a static member nearest_few(w, z, count, tokens, q, scratch),
// or a Packed whose `codes` are the PackedCodes that its lookup reads, as a Codebook's. Ties go to the lowest index.
// Where there are fewer vectors than places, or a row contains NaN, the remaining tokens are no_token, with q = 0.
//
// Shapes   z [rows, width], tokens [rows, count], q [rows, count, width]
// Errors   static_assert where a quantizer has a member nearest_few of another signature, and is a level of ResidualVq
// Cost     rows K width multiply-adds, and count comparisons at most for each of rows K scores; memory: K scores for
//          each of 32 rows, kept in `scratch`

#include <tessera/core/buffer.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/with_name.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

template <std::floating_point T>
void nearest_few(const PackedCodes<T>& codes, std::span<const T> z, std::size_t count, std::span<Token> tokens,
                 std::span<T> q, Buffer<T>& scratch) {
    constexpr std::size_t block = 32;
    const std::size_t width = codes.panels.width(), k = codes.panels.codes(), rows = tokens.size() / count;
    if (scratch.size() < block * (k + count)) scratch.resize(block * (k + count));
    T* const scores = scratch.data();
    T* const best = scratch.data() + block * k;
    for (std::size_t first = 0; first < rows; first += block) {
        const std::size_t some = (std::min)(block, rows - first);
        kernel::gemm<T>(some, z.data() + first * width, width, codes.panels.panels(), scores, k,
                        {.bias = codes.panels.start()});
        for (std::size_t m = 0; m < some; ++m) {
            // an insertion into the sorted places; only a strictly better score passes one that was there before
            const std::span<Token> places = tokens.subspan((first + m) * count, count);
            std::ranges::fill(places, no_token);
            std::fill_n(best, count, -(std::numeric_limits<T>::max)());
            const auto insert = [&](std::size_t i) {
                const T score = scores[m * k + i];
                if (!(score > best[count - 1]) || !(score <= (std::numeric_limits<T>::max)())) return;
                std::size_t at = count - 1;
                for (; at > 0 && score > best[at - 1]; --at) {
                    best[at] = best[at - 1];
                    places[at] = places[at - 1];
                }
                best[at] = score;
                places[at] = static_cast<Token>(i);
            };
            // Few groups of 16 scores have one that is inserted: comparing a group takes one or two instructions.
            std::size_t i = 0;
            for (; i + 16 <= k; i += 16) {
                const T* const group = scores + m * k + i;
                const T worst = best[count - 1];
                unsigned better = 0;
                for (std::size_t j = 0; j < 16; ++j) better |= group[j] > worst ? 1u : 0u;
                for (std::size_t j = 0; better != 0 && j < 16; ++j) insert(i + j);
            }
            for (; i < k; ++i) insert(i);
        }
    }
    lookup_tokens(codes, std::span<const Token>{tokens}, q);
}

namespace vq {

/// Q has a member nearest_few.
template <class Q>
concept HasNearestFew = requires(const typename Q::Packed& w, std::span<const typename Q::Scalar> z, std::size_t count,
                                 std::span<Token> tokens, std::span<typename Q::Scalar> q,
                                 Buffer<typename Q::Scalar>& scratch) {
    Q::nearest_few(w, z, count, tokens, q, scratch);
};
namespace detail {
struct NearestFewName {
    int nearest_few;
};
template <class Q>
inline constexpr bool names_nearest_few = !requires {
    &WithName<Q, NearestFewName>::nearest_few;
};
}  // namespace detail
/// A compile error where Q has a member nearest_few that cannot be called as it is here: it would be ignored.
template <class Q>
struct NearestFewIsCallable {
    static_assert(!detail::names_nearest_few<Q> || HasNearestFew<Q>,
                  "quantizer: nearest_few: expected `static void nearest_few(const Packed&, std::span<const T> z, "
                  "std::size_t count, std::span<Token> tokens, std::span<T> q, Buffer<T>& scratch)`");
};
/// Q has one token for each row, the index of a vector of w.codes, and compares the rows of z themselves.
template <class Q>
concept SearchesCodes = std::same_as<typename Q::Input, typename Q::Output> &&
                        (Q::tokens ==
                         row_count<typename Q::Input>)&&!(requires { requires Q::Distance::normalises; }) &&
                        requires(const typename Q::Packed& w) {
    requires std::same_as<std::remove_cvref_t<decltype(w.codes)>, PackedCodes<typename Q::Scalar>>;
};
template <class Q>
concept OffersNearestFew = HasNearestFew<Q> || SearchesCodes<Q>;

template <OffersNearestFew Q>
void nearest_few(const typename Q::Packed& w, std::span<const typename Q::Scalar> z, std::size_t count,
                 std::span<Token> tokens, std::span<typename Q::Scalar> q, Buffer<typename Q::Scalar>& scratch) {
    if constexpr (HasNearestFew<Q>)
        Q::nearest_few(w, z, count, tokens, q, scratch);
    else
        tessera::nearest_few<typename Q::Scalar>(w.codes, z, count, tokens, q, scratch);
}

}  // namespace vq

}  // namespace tessera
