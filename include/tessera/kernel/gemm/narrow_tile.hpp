#pragma once
// narrow_tile: two or three rows times several panels at once, all accumulators in registers.
//
//     out[r][j] = relu((mask > 0 ? bias + x[r] B : 0) + add)
//
// A pass over the weights of a model for so few tokens is bound by L3, which several panels at once read faster than
// one, and without prefetches: products of two rows took 1.3 times as long as those of one with a panel at a time, 1.05
// with two, 1.01 with four; three rows 1.3, 1.18 and 1.16. Four rows gain 3 % with two panels, and lose with four, as
// not all accumulators are in registers. (The matrices of a GPT of width 128, AVX-512, 1 MiB of L2.) NEON takes the
// same shapes, counted only: 3 rows x 8 vectors are 35 loads for 96 fmla, where one panel at a time would be 11 for 24.
// The bits are those of tile.hpp: one lane is one output and k ascends.
//
// Shapes   rows [r] pointers to `length` floats; panels [length][2W] at a distance of panel_stride; out [r] pointers
// Cost     r length columns multiply-adds

#include <tessera/kernel/gemm/accumulate.hpp>
#include <tessera/kernel/gemm/tile.hpp>
#include <tessera/kernel/simd/simd.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel::tile {

namespace detail {
template <std::size_t NV, std::size_t Size, std::size_t... M, std::size_t... V>
[[gnu::__always_inline__]] inline void
add_products_of_panels(Vec (&c)[Size], const float* const* rows, std::size_t k, const float* b,
                       std::size_t panel_stride, std::index_sequence<M...> all, std::index_sequence<V...>) {
    const Vec v[] = {simd::in_register<float>(Vec::load_aligned(b + V / 2 * panel_stride + V % 2 * W))...};
    accumulate(c, ColumnOfRows{rows, k}, v, all);
}
// b(s, v) of panels, of each a pointer.
template <std::size_t Panels>
struct RowsOfPanels {
    const float* panel[Panels];
    [[gnu::__always_inline__]] const float* operator()(std::size_t s, std::size_t v) const {
        return panel[v / 2] + s * 2 * W + v % 2 * W;
    }
};
template <std::size_t NV, std::size_t Size, std::size_t... P>
[[gnu::__always_inline__]] inline void add_steps_of_panels(Vec (&c)[Size], const float* const* rows, std::size_t k,
                                                           const float* b, std::size_t panel_stride,
                                                           std::index_sequence<P...>) {
    RowsOfPanels<sizeof...(P)> panels{b + P * panel_stride...};
    for (const float*& p : panels.panel) asm("" : "+r"(p));  // g++ otherwise makes 28 index registers, and spills them
    accumulate_steps<NV>(c, rows, k, panels);
}
template <std::size_t R, std::size_t NV, std::size_t... M>
[[gnu::__always_inline__]] inline void narrow_body(const float* const* rows, std::size_t length, const float* panel,
                                                   std::size_t panel_stride, float* const* out, std::size_t column,
                                                   const TileEpilogue& epilogue, std::index_sequence<M...> all) {
    Vec c[R * NV];
    if (epilogue.bias)
        ((c[M] = simd::load(epilogue.bias + M % NV * W)), ...);
    else
        ((c[M] = Vec(0.f)), ...);
    std::size_t k = 0;
    if constexpr (simd::has_fma_lane)
        for (; k + W <= length; k += W, panel += 2 * W * W)
            add_steps_of_panels<NV>(c, rows, k, panel, panel_stride, std::make_index_sequence<NV / 2>{});
    for (; k < length; ++k, panel += 2 * W)
        add_products_of_panels<NV>(c, rows, k, panel, panel_stride, all, std::make_index_sequence<NV>{});
    store_tile<NV>(c, out, column, epilogue, all);
}
template <std::size_t R, std::size_t Panels>
[[gnu::__noinline__]] inline void narrow_forward(const float* const* rows, std::size_t length, const float* panel,
                                                 std::size_t panel_stride, float* const* out, std::size_t column,
                                                 const TileEpilogue& epilogue) {
    narrow_body<R, 2 * Panels>(rows, length, panel, panel_stride, out, column, epilogue,
                               std::make_index_sequence<R * 2 * Panels>{});
}
}  // namespace detail

/// The most rows of narrow_forward: their accumulators for two panels, with 32 registers for four, are in registers.
inline constexpr std::size_t narrow_rows = simd::registers == 32 ? 3 : 2;

/// The first columns of a product of 2 to narrow_rows rows with n columns: those of four whole panels, or of two.
/// Returns their number; 0 where n is less than two panels.
template <std::same_as<float> T>
inline std::size_t narrow_forward(std::size_t r, const T* const* rows, std::size_t length, const T* panel,
                                  std::size_t panel_stride, T* const* out, std::size_t column, std::size_t n,
                                  const TileEpilogue& epilogue) {
    const auto run = [&]<std::size_t Panels>(std::index_sequence<Panels>) {
        if constexpr (narrow_rows == 3)
            if (r == 3) detail::narrow_forward<3, Panels>(rows, length, panel, panel_stride, out, column, epilogue);
        if (r == 2) detail::narrow_forward<2, Panels>(rows, length, panel, panel_stride, out, column, epilogue);
        return Panels * 2 * W;
    };
    if constexpr (simd::registers == 32)
        if (n >= 8 * W) return run(std::index_sequence<4>{});
    return n >= 4 * W ? run(std::index_sequence<2>{}) : 0;
}

}  // namespace tessera::kernel::tile
