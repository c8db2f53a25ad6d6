#pragma once
// nearest_vector: the index of the nearest of K codebook vectors e for each row.
//
//     argmin_k |x - e_k|^2 = argmax_k (x e_k - |e_k|^2 / 2)
//
// Each panel of codebook vectors passes once over a block of tiles, which keep a running (best score, index) for each
// SIMD lane, so there is never a rows x K matrix. Ties go to the lowest index. A row with NaN, or whose best score
// overflows, gets `no_token`. Codebook vectors must be finite.
//
// Shapes   x [rows, D], codebook [K, D], K < no_token; out [rows]
// Cost     rows K D multiply-adds, K rounded up to whole panels

#include <tessera/core/token.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/panels.hpp>
#include <tessera/kernel/gemm/tile.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/simd/across_lanes.hpp>
#include <tessera/kernel/simd/round_up.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <limits>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

/// The codebook (K x D) in the order in which the search reads it; packed again when the codebook has changed.
template <std::floating_point T>
class CodePanels {
public:
    void pack(std::size_t k, std::size_t d, const T* vectors) {
        pack(k, d, vectors, [&](std::size_t i) { return T(-0.5 * sum_squares<T>({vectors + i * d, d})); });
    }
    /// Then nearest_vector finds argmax_k x e_k instead.
    void pack_for_products(std::size_t k, std::size_t d, const T* vectors) {
        pack(k, d, vectors, [](std::size_t) { return T(0); });
    }
    std::size_t codes() const { return panels_.columns(); }
    std::size_t width() const { return panels_.rows(); }
    const Panels<T>& panels() const { return panels_; }
    const T* start() const { return start_.data(); }

private:
    // The score of vector i is x e_i + start(i).
    template <class F>
    void pack(std::size_t k, std::size_t d, const T* vectors, F start) {
        panels_.pack(d, k, vectors, 1, d);
        const std::size_t padded = round_up(k, panel_width);
        if (start_.size() < padded) start_.resize(padded);
        for (std::size_t i = 0; i < padded; ++i) start_[i] = i < k ? start(i) : -(std::numeric_limits<T>::max)();
    }

    Panels<T> panels_;
    Buffer<T> start_;
};

namespace detail {
using Index = simd::Vec<Token>;

/// The best score of a row so far and its index, for each lane. The index is the bits of a Token in a register of
/// floats, so that the comparison of two scores selects it directly. Converted to float it would be exact only up to
/// 2^24.
struct alignas(64) BestOfRow {
    float score[tile::W], index[tile::W];
};

// Scores the rows of some tiles against one panel of 2W codebook vectors, whose indices are `indices`, and updates the
// best of each lane. Only a strictly larger score replaces the one before, so ties go to the lowest index.
template <std::size_t R, std::size_t... M>
[[gnu::__always_inline__]] inline void
nearest_body(std::size_t tiles, const float* const* rows, std::size_t d, const float* panel, const float* start,
             const tile::Vec (&indices)[2], BestOfRow* best, std::index_sequence<M...> all) {
    using tile::Vec;
    constexpr std::size_t W = tile::W;
    for (; tiles > 0; --tiles, rows += R, best += R) {
        // c = x e - |e|^2 / 2
        Vec c[2 * R];
        ((c[M] = Vec::load_aligned(start + M % 2 * W)), ...);
        tile::detail::add_all_products<R, 2>(c, rows, d, panel, all);
        // the better of the two vectors of a row, then the better of that and the best so far
        const auto update_best = [&](BestOfRow& row, const Vec& first, const Vec& second) {
            const Vec score = (simd::max)(second, first), index = simd::select(second > first, indices[1], indices[0]);
            const Vec before = simd::load<float>(row.score);
            simd::store(row.index, simd::select(score > before, index, simd::load<float>(row.index)));
            simd::store(row.score, (simd::max)(score, before));
        };
        ((M % 2 == 0 ? update_best(best[M / 2], c[M], c[M + 1 < 2 * R ? M + 1 : M]) : void()), ...);
    }
}
template <std::size_t R>
[[gnu::__noinline__]] inline void nearest(std::size_t tiles, const float* const* rows, std::size_t d,
                                          const float* panel, const float* start, const tile::Vec (&indices)[2],
                                          BestOfRow* best) {
    nearest_body<R>(tiles, rows, d, panel, start, indices, best, std::make_index_sequence<2 * R>{});
}
template <class, std::size_t... R>
constexpr auto nearest_table(std::index_sequence<R...>) {
    return std::array{&nearest<R + 1>...};
}

// The lowest index among the lanes with the best score, in registers: lane by lane this took a tenth of the search.
template <std::same_as<float>>  // compiled where it is used
Token winner(const BestOfRow& row) {
    using tile::Vec;
    const Vec score = simd::load<float>(row.score), index = simd::load<float>(row.index);
    const Vec largest = simd::across<float>(score, [](const Vec& a, const Vec& b) { return (simd::max)(a, b); });
    // overflow of a sum, or NaN
    if (!(simd::first_lane(largest) <= (std::numeric_limits<float>::max)())) return no_token;
    const Vec candidates = simd::select(score == largest, index, simd::detail::bits_as<float>(Index(no_token)));
    const Vec lowest = simd::across<float>(candidates, [](const Vec& a, const Vec& b) {
        using simd::detail::bits_as;
        return bits_as<float>((simd::min)(bits_as<Token>(a), bits_as<Token>(b)));
    });
    return std::bit_cast<Token>(simd::first_lane(lowest));
}
}  // namespace detail

/// x e_k - |e_k|^2 / 2, the score by which nearest_vector compares vector k with the others for a row x, bit for bit.
template <std::floating_point T>
T code_score(const T* x, const CodePanels<T>& codes, std::size_t k) {
    T score = codes.start()[k];
    for (std::size_t i = 0; i < codes.width(); ++i) score = simd::fma<T>(x[i], codes.panels().at(i, k), score);
    return score;
}

/// out[m] = index of the codebook vector nearest to row m of x; the rows are ldx apart.
template <std::floating_point T>
void nearest_vector(std::size_t rows, const T* x, std::size_t ldx, const CodePanels<T>& codes, Token* out) {
    if constexpr (std::same_as<T, float>) {
        static constexpr auto table = detail::nearest_table<T>(std::make_index_sequence<tile::max_rows>{});
        constexpr std::size_t most = detail::block_tiles * tile::max_rows, W = tile::W;
        alignas(64) Token lane_indices[W];
        for (std::size_t i = 0; i < W; ++i) lane_indices[i] = static_cast<Token>(i);
        const auto lane = simd::load<Token>(lane_indices);
        detail::BestOfRow best[most];
        const float* a[most];
        tile::EvenCut(rows).for_runs(detail::block_tiles, [&](std::size_t first, std::size_t r, std::size_t tiles) {
            for (std::size_t i = 0; i < r * tiles; ++i) {
                a[i] = x + (first + i) * ldx;
                simd::store(best[i].score, tile::Vec(-(std::numeric_limits<float>::max)()));
                simd::store(best[i].index, simd::detail::bits_as<float>(detail::Index(no_token)));
            }
            for (std::size_t j = 0; j < codes.panels().panel_count(); ++j) {
                const auto first_index = static_cast<Token>(j * panel_width);
                const tile::Vec low = simd::detail::bits_as<float>(lane + detail::Index(first_index));
                const tile::Vec high = simd::detail::bits_as<float>(lane + detail::Index(first_index + Token{W}));
                table[r - 1](tiles, a, codes.width(), codes.panels().panel(j), codes.start() + j * panel_width,
                             {low, high}, best);
            }
            for (std::size_t i = 0; i < r * tiles; ++i) out[first + i] = detail::winner<T>(best[i]);
        });
    } else {
        for (std::size_t m = 0; m < rows; ++m) {
            T best = -(std::numeric_limits<T>::max)();
            out[m] = no_token;
            for (std::size_t k = 0; k < codes.codes(); ++k) {
                if (const T score = code_score(x + m * ldx, codes, k); score > best) {
                    best = score;
                    out[m] = static_cast<Token>(k);
                }
            }
            if (!(best <= (std::numeric_limits<T>::max)())) out[m] = no_token;
        }
    }
}

}  // namespace tessera::kernel
