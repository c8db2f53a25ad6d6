// The largest tiles of AArch64, one function each, for loops.awk, which reads what the compiler makes of them.

#include <tessera/kernel/attention/attention_tile.hpp>
#include <tessera/kernel/gemm/narrow_tile.hpp>
#include <tessera/kernel/gemm/tile.hpp>
#include <tessera/kernel/gemm/weight_gradient_tile.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tile = tessera::kernel::tile;
namespace attention = tessera::kernel::attention;
using attention::ProductOrder;

static_assert(tile::max_rows == 8 && tile::narrow_rows == 3, "the names below say the shapes");
static_assert(attention::tile_rows(1) == 12 && attention::tile_rows(2) == 8, "the names below say the shapes");

namespace {

template <ProductOrder order, std::size_t R, std::size_t NV>
[[gnu::always_inline]] inline void attention_body(std::size_t depth, attention::Rows<const float> a,
                                                  attention::Rows<const float> b, attention::Rows<float> out) {
    attention::detail::body<order>(depth, a, b, out, {}, std::make_index_sequence<R>{}, std::make_index_sequence<NV>{},
                                   std::make_index_sequence<R * NV>{});
}

}  // namespace

extern "C" {
void forward_8x2(std::size_t tiles, const float* const* rows, const tile::Segments& segments, const float* panel,
                 float* const* out, std::size_t column, const tile::TileEpilogue& end) {
    tile::detail::forward_body<8, 2>(tiles, rows, segments, panel, out, column, end, std::make_index_sequence<16>{});
}
void narrow_3x8(const float* const* rows, std::size_t length, const float* panel, std::size_t stride, float* const* out,
                std::size_t column, const tile::TileEpilogue& end) {
    tile::detail::narrow_body<3, 8>(rows, length, panel, stride, out, column, end, std::make_index_sequence<24>{});
}
void weight_gradient_8x2(const float* x, std::size_t rows, const float* g, const std::uint32_t* at, float* out,
                         std::size_t ldo) {
    tile::detail::weight_gradient_body<8, 2>(tile::detail::PackedRows{x}, rows, g, at, out, ldo,
                                             std::make_index_sequence<16>{});
}
void across_8x2(std::size_t depth, const float* a, std::size_t lda, const float* b, std::size_t ldb, float* out) {
    attention_body<ProductOrder::across, 8, 2>(depth, {a, lda}, {b, ldb}, {out, ldb});
}
void across_12x1(std::size_t depth, const float* a, std::size_t lda, const float* b, std::size_t ldb, float* out) {
    attention_body<ProductOrder::across, 12, 1>(depth, {a, lda}, {b, ldb}, {out, ldb});
}
void down_8x2(std::size_t depth, const float* a, std::size_t lda, const float* b, std::size_t ldb, float* out) {
    attention_body<ProductOrder::down, 8, 2>(depth, {a, lda}, {b, ldb}, {out, ldb});
}
void down_12x1(std::size_t depth, const float* a, std::size_t lda, const float* b, std::size_t ldb, float* out) {
    attention_body<ProductOrder::down, 12, 1>(depth, {a, lda}, {b, ldb}, {out, ldb});
}
}
