#pragma once
// kmeans: initialises a codebook from encoder outputs: k-means++, then Lloyd's steps.
//
//     first vector    a random row of x
//     next vector     a row drawn with probability proportional to its squared distance from the vectors so far
//     Lloyd           each vector moves to the mean of its cluster; one with an empty cluster stays where it is
//                                                          (Arthur, Vassilvitskii, SODA 2007)
//
// Afterwards N_k is the number of rows in cluster k when it was last not empty (1 if never) and m_k = N_k e_k: the
// start of the moving averages. After an error the codebook is that of the Lloyd step before it. With fewer rows than
// vectors some rows are used twice, moved apart by a thousandth of their length.
//
// Both parts are exact and parallel, and leave out what cannot change a bit: most distances from a new vector
// (kernel/nearest_distances.hpp), and the search among vectors that a step did not move for rows whose own vector it
// did not move. With 16,384 rows and 8192 vectors the second step still searches 79 to 92 % of all pairs, the third 14
// to 24 %, the fourth 2 to 9 %. If no vector moves, no step follows.
//
// Shapes   x [rows, D], codebook [K, D]
// Errors   ArgumentError where there are no rows, or 2^32 or more; NumericError where the squares of a row are not
//          finite
// Cost     rows K D multiply-adds for k-means++, and as many for each Lloyd step that searches all pairs. 16,384 rows
//          of 64 numbers, K = 8192: 0.9 s on one core, 0.5 s on two (EPYC, Zen 4, AVX-512), where all in double on one
//          thread took 8.2 s; 3136 rows, K = 512: 22 ms, before 103 ms. Memory: a copy of x, 20 bytes per row, K D
//          doubles, the codebook packed and once more

#include <tessera/core/buffer.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/nearest_distances.hpp>
#include <tessera/kernel/nearest_vector.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/codebook_statistics.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// k-means++. Distances are summed row by row in chunks of 4096 rows, one a task, and the chunks in order: up to 4096
/// rows that is one serial sum.
template <class T>
class KmeansPlusPlus {
public:
    KmeansPlusPlus(std::span<const T> x, std::size_t width)
        : rows_{x.size() / width}, nearest_{rows_, width, x.data()}, total_(kernel::ceil_div(rows_, chunk)) {}

    /// The first row is drawn uniformly.
    std::size_t first(Rng& rng) const {
        return (std::min)(rows_ - 1, static_cast<std::size_t>(rng.uniform_double() * static_cast<double>(rows_)));
    }
    void add(const T* vector) {
        kernel::for_chunks(rows_, chunk, [&](std::size_t begin, std::size_t end) {
            if (!nearest_.add(begin, end, vector)) return;
            double sum = 0;
            for (std::size_t m = begin; m < end; ++m) sum += nearest_.data()[m];
            total_[begin / chunk] = sum;
        });
    }
    double total() const {
        double sum = 0;
        for (const double t : total_) sum += t;
        return sum;
    }
    /// The row at which the running sum of the distances exceeds `at`, which is below total().
    std::size_t row_at(double at) const {
        std::size_t c = 0;
        while (c + 1 < total_.size() && at >= total_[c]) at -= total_[c++];
        std::size_t row = c * chunk;
        for (const std::size_t last = (std::min)(rows_, row + chunk) - 1; row < last; ++row)
            if (!((at -= nearest_.data()[row]) >= 0)) break;
        return row;
    }

private:
    static constexpr std::size_t chunk = 4096;  // whole blocks of nearest_

    std::size_t rows_;
    kernel::NearestDistances<T> nearest_;
    std::vector<double> total_;  // of each chunk
};

/// Lloyd's steps. A row knows its vector from step to step.
template <std::size_t K, std::size_t D, class T>
class LloydSteps {
public:
    LloydSteps(CodebookState<K, D, T>& book, std::span<const T> x)
        : book_{book}, x_{x}, rows_(x.size()), order_(x.size() / D), found_(order_.size()), tokens_(order_.size()),
          moved_(K, 1), sum_(K * D) {}

    /// Returns whether a vector moved. If none did, neither would it in the steps that follow.
    bool step() {
        assign();
        return move();
    }

private:
    static constexpr std::size_t rows_per_task = 196;
    static constexpr std::size_t vectors_per_task = CodebookStatistics<K, D, T>::vectors_per_task;

    // The nearest vector of each row: among all for a row whose vector has moved (at first: every row), else the vector
    // it has or one that has moved.
    void assign() {
        all_.pack(K, D, book_.weight.data());
        movers_.clear();
        vectors_.clear();
        for (std::size_t k = 0; k < K; ++k) {
            if (!moved_[k]) continue;
            movers_.push_back(static_cast<Token>(k));
            const std::span<const T> e = book_.weight.span().subspan(k * D, D);
            vectors_.insert(vectors_.end(), e.begin(), e.end());
        }
        some_.pack(movers_.size(), D, vectors_.data());
        // first the rows of vectors that moved, then the others
        std::size_t whole = 0;
        for (std::uint32_t m = 0; m < order_.size(); ++m)
            if (moved_[tokens_[m]] != 0) order_[whole++] = m;
        std::size_t next = whole;
        for (std::uint32_t m = 0; m < order_.size(); ++m)
            if (moved_[tokens_[m]] == 0) order_[next++] = m;
        search(0, whole, all_, [&](std::size_t i) { return found_[i]; });
        search(whole, order_.size(), some_, [&](std::size_t i) { return better(i); });
        for (std::size_t m = 0; m < order_.size(); ++m)
            if (tokens_[m] == no_token)
                throw NumericError("kmeans: vector " + std::to_string(m) +
                                   ": no codebook vector is nearest: expected numbers whose squares are finite");
    }
    // found_[i] for the rows order_[i], which are first copied one after another; then their tokens.
    template <class Choose>
    void search(std::size_t first, std::size_t last, const kernel::CodePanels<T>& among, Choose choose) {
        kernel::for_chunks(last - first, rows_per_task, [&](std::size_t begin, std::size_t end) {
            begin += first;
            end += first;
            for (std::size_t i = begin; i < end; ++i)
                std::ranges::copy(x_.subspan(order_[i] * D, D), rows_.begin() + static_cast<std::ptrdiff_t>(i * D));
            kernel::nearest_vector<T>(end - begin, rows_.data() + begin * D, D, among, found_.data() + begin);
            for (std::size_t i = begin; i < end; ++i) tokens_[order_[i]] = choose(i);
        });
    }
    // The better of a row's vector and the nearest of those that moved; as in the whole search, the lower if equal.
    Token better(std::size_t i) const {
        const T* row = rows_.data() + i * D;
        const Token now = tokens_[order_[i]];
        if (found_[i] == no_token) {  // the scores of all that moved overflow, upwards or downwards
            Token token;
            kernel::nearest_vector<T>(1, row, D, all_, &token);
            return token;
        }
        const Token other = movers_[found_[i]];
        const T mine = kernel::code_score(row, all_, now), its = kernel::code_score(row, all_, other);
        return its > mine || (its >= mine && other < now) ? other : now;
    }
    // Each vector becomes the mean of its rows, which a task adds in their order.
    bool move() {
        kernel::for_chunks(K, vectors_per_task, [&](std::size_t begin, std::size_t end) {
            std::fill_n(sum_.data() + begin * D, (end - begin) * D, 0.0);
            std::vector<double> count(end - begin);
            for (std::size_t m = 0; m < tokens_.size(); ++m) {
                const std::size_t k = tokens_[m];
                if (k < begin || k >= end) continue;
                count[k - begin] += 1;
                for (std::size_t i = 0; i < D; ++i) sum_[k * D + i] += static_cast<double>(x_[m * D + i]);
            }
            for (std::size_t k = begin; k < end; ++k) {
                moved_[k] = 0;
                const double n = count[k - begin];
                if (!(n > 0)) continue;
                T* e = book_.weight.data() + k * D;
                for (std::size_t i = 0; i < D; ++i) {
                    const T mean = static_cast<T>(sum_[k * D + i] / n);
                    moved_[k] |= mean < e[i] || mean > e[i];
                    e[i] = mean;
                }
                book_.place(k, e, static_cast<T>(n));
            }
        });
        return std::find(moved_.begin(), moved_.end(), 1) != moved_.end();
    }

    CodebookState<K, D, T>& book_;
    std::span<const T> x_;
    kernel::CodePanels<T> all_, some_;  // of all vectors, and of those that moved
    std::vector<Token> movers_;         // their indices
    std::vector<T> vectors_;            // their values
    Buffer<T> rows_;                    // rows of x in the order of the search
    std::vector<std::uint32_t> order_;
    std::vector<Token> found_, tokens_;
    std::vector<std::uint8_t> moved_;  // of each vector, whether the last step changed it
    std::vector<double> sum_;
};
}  // namespace detail

template <std::size_t K, std::size_t D, class T>
void kmeans(CodebookState<K, D, T>& book, std::span<const T> x, Rng rng, std::size_t steps = 10) {
    with_fp_environment([&] {
        const std::size_t n = x.size() / D;
        if (n == 0) throw ArgumentError("kmeans: vectors: expected at least one, got 0");
        if (n > (std::numeric_limits<std::uint32_t>::max)())
            throw ArgumentError("kmeans: vectors: expected fewer than 2^32, got " + std::to_string(n));
        {
            std::vector<T> vector(D);
            detail::KmeansPlusPlus<T> seeds(x, D);
            for (std::size_t k = 0; k < K; ++k) {
                // where all distances are 0, a row moved a bit
                const double total = k == 0 ? 1 : seeds.total();
                std::size_t row = 0;
                if (k == 0)
                    row = seeds.first(rng);
                else if (total > 0)
                    row = seeds.row_at(rng.uniform_double() * total);
                else
                    row = rng.below(static_cast<std::uint32_t>(n));
                for (std::size_t i = 0; i < D; ++i)
                    vector[i] = total > 0 ? x[row * D + i] : x[row * D + i] * (T(1) + T(1e-3) * T(rng.normal()));
                book.place(k, vector.data(), T(1));
                seeds.add(vector.data());
            }
        }
        detail::LloydSteps<K, D, T> lloyd(book, x);
        for (std::size_t step = 0; step < steps && lloyd.step(); ++step) {
        }
    });
}

}  // namespace tessera
