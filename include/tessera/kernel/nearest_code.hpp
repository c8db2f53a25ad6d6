#pragma once
// The nearest of K codes for each row: argmin_k |x - e_k|^2, as argmax_k (x e_k - |e_k|^2 / 2).
//
// The register tile goes on from panel to panel of codes and keeps a running (best, index) for each lane: there is
// never a rows x K matrix. Ties go to the lowest index. A row with NaN has no nearest code and gets `no_code`.

#include <tessera/core/token.hpp>
#include <tessera/kernel/panels.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/tile.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr Token no_code = 0xFFFF;

/// The codes (K x D) as the search reads them; made once for each state of the codebook.
template <std::floating_point T>
class CodePanels {
public:
    void pack(std::size_t k, std::size_t d, const T* codes) {
        panels_.pack(d, k, codes, 1, d);
        const std::size_t padded = (k + panel_width - 1) / panel_width * panel_width;
        if (start_.size() < padded) start_.resize(padded);
        for (std::size_t i = 0; i < padded; ++i)
            start_[i] = i < k ? T(-0.5 * sum_squares<T>({codes + i * d, d}))
                             : -std::numeric_limits<T>::max();
    }
    std::size_t codes() const { return panels_.columns(); }
    std::size_t width() const { return panels_.rows(); }
    const Panels<T>& panels() const { return panels_; }
    const T* start() const { return start_.data(); }

private:
    Panels<T> panels_;
    Buffer<T> start_;
};

namespace detail {
template <std::size_t R, std::size_t... I>
[[gnu::always_inline]] inline void nearest_body(const float* x, std::size_t ldx, const CodePanels<float>& codes,
                                                Token* out, std::index_sequence<I...>) {
    using tile::Vec;
    constexpr std::size_t W = tile::W;
    alignas(64) float lane_numbers[W];
    for (std::size_t i = 0; i < W; ++i) lane_numbers[i] = static_cast<float>(i);  // exact up to 2^24 codes
    const Vec lane = simd::load<float>(lane_numbers);
    Vec best[R], index[R];
    for (std::size_t r = 0; r < R; ++r) {
        best[r] = Vec(-std::numeric_limits<float>::max());
        index[r] = Vec(float{no_code});
    }
    const std::size_t d = codes.width();
    for (std::size_t j = 0; j < codes.panels().panel_count(); ++j) {
        const float* panel = codes.panels().panel(j);
        const float* start = codes.start() + j * panel_width;
        Vec c[2 * R];
        ((c[I] = Vec::load_aligned(start + I % 2 * W)), ...);
        for (std::size_t k = 0; k < d; ++k, panel += 2 * W) {
            const Vec b[2] = {Vec::load_aligned(panel), Vec::load_aligned(panel + W)};
            ((c[I] = simd::fma<float>(Vec(x[I / 2 * ldx + k]), b[I % 2], c[I])), ...);
        }
        // Two vectors play against each other, the winner against the best so far; strictly greater keeps the lower.
        const Vec first = lane + Vec(static_cast<float>(j * panel_width)), second = first + Vec(static_cast<float>(W));
        const auto play = [&](std::size_t r, Vec a, Vec b) __attribute__((always_inline)) {
            const auto later = b > a;
            const Vec winner = simd::select(later, b, a), number = simd::select(later, second, first);
            const auto better = winner > best[r];
            best[r] = simd::select(better, winner, best[r]);
            index[r] = simd::select(better, number, index[r]);
        };
        ((I % 2 == 0 ? play(I / 2, c[I], c[I + 1 < 2 * R ? I + 1 : I]) : void()), ...);
    }
    for (std::size_t r = 0; r < R; ++r) {
        alignas(64) float values[W], numbers[W];
        simd::store(values, best[r]);
        simd::store(numbers, index[r]);
        for (std::size_t half = W / 2; half > 0; half /= 2)
            for (std::size_t i = 0; i < half; ++i) {
                const bool other = values[i + half] > values[i] ||
                                   (values[i + half] == values[i] && numbers[i + half] < numbers[i]);
                values[i] = other ? values[i + half] : values[i];
                numbers[i] = other ? numbers[i + half] : numbers[i];
            }
        out[r] = static_cast<Token>(numbers[0]);
    }
}
template <std::size_t R>
[[gnu::noinline]] inline void nearest(const float* x, std::size_t ldx, const CodePanels<float>& codes, Token* out) {
    nearest_body<R>(x, ldx, codes, out, std::make_index_sequence<2 * R>{});
}
template <std::size_t... R>
constexpr auto nearest_table(std::index_sequence<R...>) {
    return std::array{&nearest<R + 1>...};
}
}  // namespace detail

/// out[m] = index of the code nearest to row m of x (rows x D, distance ldx); fewer than 65535 codes.
template <std::floating_point T>
void nearest_code(std::size_t rows, const T* x, std::size_t ldx, const CodePanels<T>& codes, Token* out) {
    if constexpr (std::same_as<T, float>) {
        static constexpr auto table = detail::nearest_table(std::make_index_sequence<tile::max_rows>{});
        const tile::EvenCut cut(rows);
        for (std::size_t t = 0; t < cut.parts; ++t) {
            const std::size_t first = cut.begin(t), r = cut.begin(t + 1) - first;
            table[r - 1](x + first * ldx, ldx, codes, out + first);
        }
    } else {
        for (std::size_t m = 0; m < rows; ++m) {
            T best = -std::numeric_limits<T>::max();
            out[m] = no_code;
            for (std::size_t k = 0; k < codes.codes(); ++k) {
                T score = codes.start()[k];
                for (std::size_t i = 0; i < codes.width(); ++i)
                    score = simd::fma<T>(x[m * ldx + i], codes.panels().data()[i * codes.codes() + k], score);
                if (score > best) {
                    best = score;
                    out[m] = static_cast<Token>(k);
                }
            }
        }
    }
}

}  // namespace tessera::kernel
