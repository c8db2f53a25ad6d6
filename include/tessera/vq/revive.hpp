#pragma once
// revive: moves dead codebook vectors, which too few rows choose, onto rows of the batch.
//
//     dead       N_k < below * mean(N)   and its grace is over
//     revived    e_k = x, N_k = 2 below mean(N), m_k = N_k x, for the next candidate x; no candidate is used twice
//
// With `least_recently_used`, instead:
//
//     dead       no row has chosen it for `grace` updates
//     revived    e_k = x, N_k = mean(N), m_k = N_k x, for at most rate K vectors (and at least one) of an update, those
//                that have been unused for longest first    (as in vqtorch, Huh et al. 2023, arXiv:2305.08842)
//
// The threshold is relative to the mean count, so it does not depend on batch size, tokens or K. Count and sum move
// with the vector (otherwise the next update would undo the move), and a revived vector has `grace` updates to find its
// rows before it is judged again. On the bundled digits, 256 vectors: usage 29 % without revival, 100 % with it.
//
// Shapes   codebook [K, D], candidates [P, D]
// Cost     one pass over the counts, with least_recently_used one for each vector that moves; no allocation

#include <tessera/core/fp_environment.hpp>
#include <tessera/vq/codebook_statistics.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

struct ReviveOptions {
    /// Share of the mean count; 0: never revive. With least_recently_used only whether it is 0 matters.
    double below = 0.1;
    std::size_t grace = 20;  ///< updates
    bool least_recently_used = false;
    double rate = 0.01;  ///< with least_recently_used: share of the vectors that an update may move
};

namespace detail {

// `below` as a T: the count of a revived vector is 2 threshold, and must not depend on the type of an option
template <std::size_t K, class Count>
auto dead_below(const Count& count, const ReviveOptions& options) {
    using T = std::remove_cvref_t<decltype(count[0])>;
    double total = 0;
    for (std::size_t k = 0; k < K; ++k) total += static_cast<double>(count[k]);
    return static_cast<T>(static_cast<double>(static_cast<T>(options.below)) * total / static_cast<double>(K));
}

// With least_recently_used: how many vectors an update may move, and for how many updates one must have been unused.
template <std::size_t K>
std::size_t most_moved(const ReviveOptions& options) {
    return static_cast<std::size_t>((std::max)(1.0, options.rate * static_cast<double>(K)));
}
template <class T>
T unused_when_dead(const ReviveOptions& options) {
    return static_cast<T>((std::max)(options.grace, std::size_t{1}));
}

// The leaf `grace` holds minus the number of updates in which no row has chosen the vector.
template <class Book, std::size_t K, std::size_t D, class T>
std::size_t revive_least_recently_used(Book& book, const CodebookStatistics<K, D, T>& batch,
                                       const ReviveOptions& options) {
    double total = 0;
    for (std::size_t k = 0; k < K; ++k) {
        total += static_cast<double>(book.count[k]);
        book.grace[k] = batch.n[k] > T(0) ? T(0) : book.grace[k] - T(1);
    }
    const std::size_t most = most_moved<K>(options);
    const T history = static_cast<T>(total / static_cast<double>(K));
    std::size_t moved = 0;
    for (std::size_t place = 0; place < CodebookStatistics<K, D, T>::places && moved < most; ++place) {
        if (!(batch.present[place] > T(0))) continue;
        std::size_t oldest = 0;
        for (std::size_t k = 1; k < K; ++k)
            if (book.grace[k] < book.grace[oldest]) oldest = k;
        if (!(-book.grace[oldest] >= unused_when_dead<T>(options))) break;
        book.place(oldest, batch.candidates.data() + place * D, history);
        book.grace[oldest] = T(0);
        ++moved;
    }
    return moved;
}

}  // namespace detail

/// How many vectors the next update moves at most, if it has candidates for them. With least_recently_used a vector is
/// unused for one more update then, unless a row chooses it.
template <std::size_t K, class Leaf>
std::size_t count_dead(const Leaf& count, const Leaf& grace, const ReviveOptions& options) {
    return with_fp_environment([&] {
        const auto threshold = detail::dead_below<K>(count, options);
        using T = std::remove_cvref_t<decltype(threshold)>;
        if (!(options.below > 0)) return std::size_t{0};
        std::size_t dead = 0;
        if (options.least_recently_used) {
            for (std::size_t k = 0; k < K; ++k) dead += T(1) - grace[k] >= detail::unused_when_dead<T>(options);
            return (std::min)(dead, detail::most_moved<K>(options));
        }
        for (std::size_t k = 0; k < K; ++k) dead += !(grace[k] > T(0)) && count[k] < threshold;
        return dead;
    });
}

/// Returns how many vectors moved. `Book` has count, grace and place(k, x, history), as CodebookState.
template <class Book, std::size_t K, std::size_t D, class T>
    requires(Book::codes == K && Book::width == D)
std::size_t revive(Book& book, const CodebookStatistics<K, D, T>& batch, const ReviveOptions& options) {
    return with_fp_environment([&] {
        if (options.least_recently_used)
            return options.below > 0 ? detail::revive_least_recently_used(book, batch, options) : 0;
        constexpr std::size_t places = CodebookStatistics<K, D, T>::places;
        const T threshold = detail::dead_below<K>(book.count, options);
        // each dead vector takes the next filled place
        std::size_t moved = 0, place = 0;
        for (std::size_t k = 0; k < K; ++k) {
            if (book.grace[k] > T(0)) {
                book.grace[k] -= T(1);
                continue;
            }
            if (!(book.count[k] < threshold)) continue;
            while (place < places && !(batch.present[place] > T(0))) ++place;
            if (place == places) continue;  // the next update has other candidates
            book.place(k, batch.candidates.data() + place * D, T(2) * threshold);
            book.grace[k] = static_cast<T>(options.grace);
            ++place;
            ++moved;
        }
        return moved;
    });
}

}  // namespace tessera
