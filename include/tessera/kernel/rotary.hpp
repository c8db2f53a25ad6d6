#pragma once
// RotaryTable, rotate: rotary positions (Su et al. 2021, arXiv:2104.09864) of queries and keys.
//
//     [x_i, x_(i + half)] = [[cos a, -sin a], [sin a, cos a]] [x_i, x_(i + half)],   i < half = d / 2
//     sequence   a = t base^(-i / half)                                             of token t
//     grid       a = row base^(-i / quarter) for i < quarter = half / 2, else column base^(-(i - quarter) / quarter)
//
// A score q . k then depends on the distance of its two tokens only, in a grid on both distances. The gradient goes
// through the transpose, the rotation by -a. The table is computed in double by sums and products that are written
// here, without a C library: it has the same bits on every machine.
//
// Shapes   x: heads of d elements, next to each other; cos, sin [tokens, half]
// Cost     2 d multiply-adds for each head; the table is tokens d elements

#include <tessera/core/buffer.hpp>
#include <tessera/kernel/simd/columns.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
struct SinCos {
    double sin, cos;
};
/// Of x in [0, 1e6], to 1e-15: a reduction to [-pi/4, pi/4] in two parts, and Taylor's series.
inline SinCos sin_cos(double x) {
    const double n = std::floor(std::fma(x, 0.63661977236758134308, 0.5));  // the nearest multiple of pi/2
    const double r = std::fma(-n, 6.123233995736766e-17, std::fma(-n, 1.5707963267948966, x)), rr = r * r;
    double s = 1, c = 1;
    for (int k = 16; k > 1; k -= 2) {  // 1 - rr / (k (k - 1)) (1 - ...), from the smallest term
        s = std::fma(-rr * s, 1.0 / (k * (k + 1)), 1.0);
        c = std::fma(-rr * c, 1.0 / (k * (k - 1)), 1.0);
    }
    s *= r;
    switch (static_cast<long>(n) & 3) {
    case 0:
        return {s, c};
    case 1:
        return {c, -s};
    case 2:
        return {-s, -c};
    default:
        return {-c, s};
    }
}
/// base^(-i / count) for i < count, base >= 1.
inline std::vector<double> frequencies(std::size_t count, double base) {
    const auto power = [count](double x) {
        double product = 1;
        for (std::size_t i = 0; i < count; ++i) product *= x;
        return product;
    };
    double low = 1, high = base;  // base^(1 / count) is between them
    for (int i = 0; i < 100; ++i) {
        const double middle = (low + high) / 2;
        (power(middle) < base ? low : high) = middle;
    }
    std::vector<double> all(count, 1.0);
    for (std::size_t i = 1; i < count; ++i) all[i] = all[i - 1] / high;
    return all;
}
}  // namespace detail

/// cos and sin of every token. `columns`: of a grid whose rows follow each other; 0 for a sequence.
template <std::floating_point T>
class RotaryTable {
public:
    /// Computed once; later calls with the same arguments do nothing.
    void fill(std::size_t tokens, std::size_t half, std::size_t columns, double base) {
        const Positions wanted{tokens, half, columns, base};
        if (filled_ == wanted) return;
        filled_ = {};  // until it is complete: an allocation may fail
        values_.resize(2 * tokens * half);
        const std::size_t part = columns > 0 ? half / 2 : half;
        const auto frequency = detail::frequencies(part, base);
        for (std::size_t t = 0; t < tokens; ++t)
            for (std::size_t i = 0; i < half; ++i) {
                const std::size_t place = columns == 0 ? t : i < part ? t / columns : t % columns;
                const detail::SinCos of = detail::sin_cos(static_cast<double>(place) * frequency[i % part]);
                values_[2 * t * half + i] = static_cast<T>(of.cos);
                values_[(2 * t + 1) * half + i] = static_cast<T>(of.sin);
            }
        filled_ = wanted;
    }
    [[nodiscard]] const T* cos(std::size_t token) const { return values_.data() + 2 * token * filled_.half; }
    [[nodiscard]] const T* sin(std::size_t token) const { return cos(token) + filled_.half; }

private:
    struct Positions {
        std::size_t tokens = 0, half = 0, columns = 0;
        double base = 0;

        bool operator==(const Positions&) const = default;
    };

    Buffer<T> values_;  // [token][cos, sin][half]
    Positions filled_;
};

enum class Rotation : bool { forward, back };

/// Rotates `heads` adjacent heads of one token.
template <Rotation rotation, std::floating_point T>
void rotate(std::size_t heads, std::size_t half, const T* cos, const T* sin, T* x) {
    for (; heads > 0; --heads, x += 2 * half)
        for_columns<T>(half, [&](auto zero, std::size_t i) {
            using N = decltype(zero);
            const N a = simd::load_columns<N>(x + i), b = simd::load_columns<N>(x + half + i);
            const N c = simd::load_columns<N>(cos + i), s = simd::load_columns<N>(sin + i);
            const N up = rotation == Rotation::forward ? s : N(-s);
            simd::store_columns(x + i, simd::fma<T>(N(-b), up, a * c));
            simd::store_columns(x + half + i, simd::fma<T>(a, up, b * c));
        });
}

}  // namespace tessera::kernel
