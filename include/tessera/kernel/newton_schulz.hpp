#pragma once
// NewtonSchulz: makes the columns of a matrix nearly orthonormal, with products alone.
//
//     x = x / max(|x|, eps),   then `steps` times   g = x^T x,   x = x (a I + b g + c g^2)
//                              (Jordan et al. 2024, kellerjordan.github.io/posts/muon; |x| is the Frobenius norm)
//
// With x = U S V^T the result is U p(S) V^T: each iteration applies a s + b s^3 + c s^5 to the singular values. The
// coefficients of Muon bring all values from 0.002 to 1 between 0.68 and 1.21 in five iterations, but converge to no
// value. A matrix of zeros stays zero if eps is above 0.
//
// The rows are the longer side: g is then as small as it can be, and only matrices of its size are packed.
//
// Shapes   x [rows, columns], rows >= columns; in place
// Cost     steps (2 rows + columns) columns^2 multiply-adds; memory of another x, of three g and of the operand copies
//          of a weight gradient; allocates in `expect` only

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>
#include <tessera/kernel/gemm/panels.hpp>
#include <tessera/kernel/reduce.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

struct NewtonSchulzOptions {
    std::array<double, 3> coefficients;  ///< of s, s^3 and s^5
    std::size_t steps;
    double eps;  ///< the matrix is divided by its norm, or by this if the norm is smaller
};

/// The iteration and its memory: one for each thread.
template <std::floating_point T>
class NewtonSchulz {
public:
    /// Makes room for matrices of this size.
    void expect(std::size_t rows, std::size_t columns) {
        const auto grow = [](Buffer<T>& buffer, std::size_t size) {
            if (buffer.size() < size) buffer.resize(size);
        };
        grow(next_, rows * columns);
        grow(gram_, columns * columns);
        grow(factor_, columns * columns);
        panels_.resize(columns, columns);
        // the copies of a product grow to what one chunk of rows needs
        add_gram((std::min)(rows, detail::chunk_rows), columns, next_.data());
    }

    void run(const NewtonSchulzOptions& options, std::size_t rows, std::size_t columns, std::span<T> x) {
        const T a = static_cast<T>(options.coefficients[0]), b = static_cast<T>(options.coefficients[1]),
                c = static_cast<T>(options.coefficients[2]);
        const std::size_t n = columns;
        const std::span<T> gram{gram_.data(), n * n}, factor{factor_.data(), n * n};
        scale<T>(static_cast<T>(1 / (std::max)(std::sqrt(sum_squares<T>(x)), options.eps)), x);
        T* from = x.data();
        T* to = next_.data();
        for (std::size_t step = 0; step < options.steps; ++step) {
            std::ranges::fill(gram, T(0));
            add_gram(rows, n, from);
            // factor = g (c g + b I) + a I
            std::ranges::copy(gram, factor.begin());
            scale<T>(c, factor);
            pack_with_diagonal(b, n);
            gemm<T>(n, gram.data(), n, panels_, factor.data(), n);
            pack_with_diagonal(a, n);
            gemm<T>(rows, from, n, panels_, to, n);
            std::swap(from, to);
        }
        if (from != x.data()) std::copy_n(from, rows * n, x.data());
    }

private:
    void add_gram(std::size_t rows, std::size_t n, const T* x) {
        gemm_weight_gradient<T>(rows, n, n, x, n, x, n, gram_.data(), n, copies_);
    }
    // Panels of factor + value I. By this thread alone: threads share matrices, not panels.
    void pack_with_diagonal(T value, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) factor_[i * n + i] += value;
        panels_.resize(n, n);
        panels_.fill(0, n, factor_.data(), n, 1);
    }

    Buffer<T> next_, gram_, factor_, copies_;
    Panels<T> panels_;
};

}  // namespace tessera::kernel
