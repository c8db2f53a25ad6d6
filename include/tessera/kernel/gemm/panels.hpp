#pragma once
// Panels: the right-hand matrix B (k x n) of a product, in the order in which the register tile reads it.
//
//     float    [n / 2W][k][2W], W = floats in a vector; columns from n on are zero
//     others   row-major, for row_product
//
// Packed from the weights once per step (0.3 to 1 % of it) and read by every block of samples.
//
// Shapes   B [k, n], with any distance between rows and columns
// Cost     one pass over B; k n elements, n rounded up to whole panels; pack allocates only where B grows

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/simd/round_up.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t panel_width = 2 * simd::width<float>;

template <std::floating_point T>
class Panels {
public:
    std::size_t rows() const { return k_; }
    std::size_t columns() const { return n_; }
    const T* data() const { return values_.data(); }
    /// First element of panel j.
    const T* panel(std::size_t j) const { return values_.data() + j * k_ * panel_width; }
    std::size_t panel_count() const { return ceil_div(n_, panel_width); }

    /// B(i, j) = b[i * row_stride + j * column_stride].
    void pack(std::size_t k, std::size_t n, const T* b, std::size_t row_stride, std::size_t column_stride) {
        resize(k, n);
        if constexpr (std::same_as<T, float>) {
            // Threads share the panels of a large matrix, some 20 us of work each. One thread took 3 % of a step of 64
            // images or sequences on 16 threads.
            const std::size_t grain = (std::max)(std::size_t{1}, std::size_t{32768} / (k * panel_width + 1));
            for_chunks(panel_count(), grain, [&](std::size_t begin, std::size_t end) {
                for (std::size_t j = begin; j < end; ++j) fill_panel(j, 0, k, b, row_stride, column_stride);
            });
        } else {
            fill(0, k, b, row_stride, column_stride);
        }
    }
    /// Makes room for k x n; the buffer never shrinks.
    void resize(std::size_t k, std::size_t n) {
        k_ = k;
        n_ = n;
        const std::size_t size = std::same_as<T, float> ? panel_count() * k * panel_width : k * n;
        if (values_.size() < size) values_.resize(size);
    }
    /// Rows first .. first + count of B.
    void fill(std::size_t first, std::size_t count, const T* b, std::size_t row_stride, std::size_t column_stride) {
        if constexpr (std::same_as<T, float>) {
            for (std::size_t j = 0; j < panel_count(); ++j) fill_panel(j, first, count, b, row_stride, column_stride);
        } else {
            for (std::size_t i = 0; i < count; ++i)
                for (std::size_t j = 0; j < n_; ++j)
                    values_[(first + i) * n_ + j] = b[i * row_stride + j * column_stride];
        }
    }

    /// Element (i, j) of B.
    T& at(std::size_t i, std::size_t j) { return values_[offset_of(i, j)]; }
    const T& at(std::size_t i, std::size_t j) const { return values_[offset_of(i, j)]; }

private:
    /// Rows first .. first + count of panel j.
    void fill_panel(std::size_t j, std::size_t first, std::size_t count, const T* b, std::size_t row_stride,
                    std::size_t column_stride) {
        const std::size_t columns = (std::min)(panel_width, n_ - j * panel_width);
        T* out = values_.data() + (j * k_ + first) * panel_width;
        const T* from = b + j * panel_width * column_stride;
        if (row_stride == 1) {  // a transpose: each column of B is contiguous
            for (std::size_t c = 0; c < columns; ++c)
                for (std::size_t i = 0; i < count; ++i) out[i * panel_width + c] = from[c * column_stride + i];
        } else if (column_stride == 1) {
            for (std::size_t i = 0; i < count; ++i) std::copy_n(from + i * row_stride, columns, out + i * panel_width);
        } else {
            for (std::size_t i = 0; i < count; ++i)
                for (std::size_t c = 0; c < columns; ++c)
                    out[i * panel_width + c] = from[i * row_stride + c * column_stride];
        }
        if (columns < panel_width)
            for (std::size_t i = 0; i < count; ++i)
                std::fill_n(out + i * panel_width + columns, panel_width - columns, T(0));
    }

    std::size_t offset_of(std::size_t i, std::size_t j) const {
        if constexpr (std::same_as<T, float>)
            return (j / panel_width * k_ + i) * panel_width + j % panel_width;
        else
            return i * n_ + j;
    }

    std::size_t k_ = 0, n_ = 0;
    Buffer<T> values_;
};

}  // namespace tessera::kernel
