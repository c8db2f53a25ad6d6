#pragma once
// MuonUpdate: one step of Muon (Jordan et al. 2024; Liu et al. 2025, arXiv:2502.16982) for one matrix.
//
//     m = m + (1 - mu) (g - m),   u = g + mu (m - g) with Nesterov's momentum, else m
//     p = keep p - step o(u)                           o: newton_schulz.hpp; keep = 1 - lr decay
//
// A matrix with more columns than rows is transposed for the iteration and back, less than 1 % of its time.
//
// Shapes   g, p, m [rows, columns]
// Cost     that of NewtonSchulz, which is nearly all of it, and two more matrices of memory; allocates in `expect` only

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/newton_schulz.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI::kernel {

template <std::floating_point T>
struct MuonFactors {
    T momentum, step, keep;
    bool nesterov;
};

/// A matrix with its gradient and momentum.
template <std::floating_point T>
struct MuonMatrix {
    std::size_t rows, columns;
    MuonFactors<T> factors;
    std::span<const T> grad;
    std::span<T> p, m;
};

/// The step and its memory: one for each thread.
template <std::floating_point T>
class MuonUpdate {
public:
    /// Makes room for matrices of this size.
    void expect(std::size_t rows, std::size_t columns) {
        const auto [shorter, longer] = std::minmax(rows, columns);
        iteration_.expect(longer, shorter);
        if (update_.size() < rows * columns) update_.resize(rows * columns);
        if (rows < columns && transposed_.size() < rows * columns) transposed_.resize(rows * columns);
    }

    void run(const NewtonSchulzOptions& options, const MuonMatrix<T>& x) {
        const std::size_t size = x.rows * x.columns;
        const std::span<T> update{update_.data(), size};
        find_direction(x, update);
        if (x.rows < x.columns) {
            const std::span<T> transposed{transposed_.data(), size};
            transpose(x.rows, x.columns, update.data(), transposed.data());
            iteration_.run(options, x.columns, x.rows, transposed);
            transpose(x.columns, x.rows, transposed.data(), update.data());
        } else {
            iteration_.run(options, x.rows, x.columns, update);
        }
        const simd::Vec<T> keep(x.factors.keep), step(x.factors.step);
        simd::map(
            size, x.p.data(), [&](const auto& p, const auto& u) { return simd::fnma<T>(step, u, keep * p); },
            static_cast<const T*>(x.p.data()), static_cast<const T*>(update.data()));
    }

private:
    static void find_direction(const MuonMatrix<T>& x, std::span<T> update) {
        const T* const m = x.m.data();
        const simd::Vec<T> momentum(x.factors.momentum), rest(T(1) - x.factors.momentum);
        simd::map(
            update.size(), x.m.data(), [&](const auto& v, const auto& g) { return simd::fma<T>(rest, g - v, v); }, m,
            x.grad.data());
        if (x.factors.nesterov)
            simd::map(
                update.size(), update.data(),
                [&](const auto& v, const auto& g) { return simd::fma<T>(momentum, v - g, g); }, m, x.grad.data());
        else
            std::ranges::copy(x.m, update.begin());
    }
    // out [columns, rows] = in^T, eight rows at a time, so that what is written stays in L1
    static void transpose(std::size_t rows, std::size_t columns, const T* in, T* out) {
        for (std::size_t first = 0; first < rows; first += 8) {
            const std::size_t last = (std::min)(rows, first + 8);
            for (std::size_t c = 0; c < columns; ++c)
                for (std::size_t r = first; r < last; ++r) out[c * rows + r] = in[r * columns + c];
        }
    }

    NewtonSchulz<T> iteration_;
    Buffer<T> update_, transposed_;
};

}  // namespace tessera::kernel
