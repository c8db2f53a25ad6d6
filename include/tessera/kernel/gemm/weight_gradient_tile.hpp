#pragma once
// weight_gradient: the micro-kernel for weight gradients, C += A^T B, a register tile of sums over rows.
//
//     out[i][j] += sum over rows m of x[m][i] * g[at[m] + j]      R rows of out times two vectors, sequential in m
//
// The sums start from what out holds and are stored back, so how the rows are cut into blocks changes no bit.
//
// Shapes   x [rows, r], r <= max_rows, packed `pitch` apart or through pointers; g [rows, n], n <= 2W; out [r, n]
// Cost     rows r n multiply-adds, n rounded up to whole vectors

#include <tessera/kernel/gemm/tile.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::tile {

/// Distance of packed rows of x, in floats.
inline constexpr std::size_t pitch = round_up(max_rows, W);

namespace detail {
// c += x[0 .. R) times the vectors at b.
template <std::size_t R, std::size_t NV, std::size_t... M>
[[gnu::__always_inline__]] inline void add_products(Vec (&c)[R * NV], const float* x, const float* b,
                                                    std::index_sequence<M...> all) {
    asm("" : "+r"(x));  // r stays a constant displacement; g++ otherwise makes R index registers (94 to 89 %)
    if constexpr (NV == 1) {
        const Vec v[] = {simd::in_register<float>(simd::load(b))};
        accumulate(c, Contiguous{x}, v, all);
    } else {
        const Vec v[] = {simd::in_register<float>(simd::load(b)), simd::in_register<float>(simd::load(b + W))};
        accumulate(c, Contiguous{x}, v, all);
    }
}
// The rows of x: packed one after the other, or each through a pointer.
struct PackedRows {
    const float* x;
    const float* operator()(std::size_t m) const { return x + m * pitch; }
};
struct PointedRows {
    const float* const* x;
    std::size_t offset;
    const float* operator()(std::size_t m) const { return x[m] + offset; }
};
template <std::size_t R, std::size_t NV, class Rows, std::size_t... M>
[[gnu::__always_inline__]] inline void weight_gradient_body(Rows x, std::size_t rows, const float* g,
                                                            const std::uint32_t* at, float* out, std::size_t ldo,
                                                            std::index_sequence<M...> all) {
    // c = out
    Vec c[R * NV];
    ((c[M] = simd::load<float>(out + M / NV * ldo + M % NV * W)), ...);
    // c += row m of x times row m of g, two rows per iteration
    std::size_t m = 0;
    for (; m + 2 <= rows; m += 2) {
        add_products<R, NV>(c, x(m), g + at[m], all);
        add_products<R, NV>(c, x(m + 1), g + at[m + 1], all);
    }
    if (m < rows) add_products<R, NV>(c, x(m), g + at[m], all);
    (simd::store(out + M / NV * ldo + M % NV * W, c[M]), ...);
}

template <std::size_t R, std::size_t NV, class Rows>
[[gnu::__noinline__]] inline void weight_gradient(Rows x, std::size_t rows, const float* g, const std::uint32_t* at,
                                                  float* out, std::size_t ldo) {
    weight_gradient_body<R, NV>(x, rows, g, at, out, ldo, std::make_index_sequence<R * NV>{});
}
template <class Rows, std::size_t... R>
constexpr auto weight_gradient_table(std::index_sequence<R...>) {
    return std::array{std::array{&weight_gradient<R + 1, 1, Rows>, &weight_gradient<R + 1, 2, Rows>}...};
}
template <class Rows>
inline constexpr auto weight_gradients = weight_gradient_table<Rows>(std::make_index_sequence<max_rows>{});

// n columns that are not whole vectors, on a padded copy of out.
template <class Rows>
[[gnu::__noinline__]] inline void weight_gradient_padded(std::size_t r, Rows x, std::size_t rows, const float* g,
                                                         const std::uint32_t* at, float* out, std::size_t ldo,
                                                         std::size_t n) {
    constexpr std::size_t width = 2 * W;
    alignas(64) float wide[max_rows * width];
    const auto row = [&](std::size_t i) { return out + i * ldo; };
    pad_rows(r, n, width, row, wide);
    weight_gradients<Rows>[r - 1][n > W](x, rows, g, at, wide, width);
    unpad_rows(r, n, width, static_cast<const float*>(wide), row);
}
template <class Rows>
inline void weight_gradient_of(std::size_t r, Rows x, std::size_t rows, const float* g, const std::uint32_t* at,
                               float* out, std::size_t ldo, std::size_t n) {
    if (n % W == 0)
        weight_gradients<Rows>[r - 1][n > W](x, rows, g, at, out, ldo);
    else
        weight_gradient_padded(r, x, rows, g, at, out, ldo, n);
}
}  // namespace detail

/// out[i][0 .. n) += sum over m < rows of x[m][i] * g[at[m] + 0 .. n), i < r; rows of x are `pitch` apart. Reads whole
/// vectors of g.
template <std::same_as<float> T>
inline void weight_gradient(std::size_t r, const T* x, std::size_t rows, const T* g, const std::uint32_t* at, T* out,
                            std::size_t ldo, std::size_t n) {
    detail::weight_gradient_of(r, detail::PackedRows{x}, rows, g, at, out, ldo, n);
}
/// The same with x[m][offset + i].
template <std::same_as<float> T>
inline void weight_gradient(std::size_t r, const T* const* x, std::size_t offset, std::size_t rows, const T* g,
                            const std::uint32_t* at, T* out, std::size_t ldo, std::size_t n) {
    detail::weight_gradient_of(r, detail::PointedRows{x, offset}, rows, g, at, out, ldo, n);
}

}  // namespace tessera::kernel::tile
