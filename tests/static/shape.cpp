// Shapes: what the type system promises, and what it refuses.
#include <tessera/core/shape.hpp>

#include <concepts>
#include <vector>

using namespace tessera;

static_assert(Shape<7, 7, 32>::size == 7 * 7 * 32 && Shape<7, 7, 32>::rank == 3);
static_assert(Shape<>::size == 1 && Shape<>::rank == 0);
static_assert(last_dim<Shape<7, 7, 32>> == 32 && row_count<Shape<7, 7, 32>> == 49);
static_assert(last_dim<Shape<5>> == 5 && row_count<Shape<5>> == 1);

static_assert(StaticShape<Shape<3>> && StaticShape<Shape<>>);
static_assert(!StaticShape<int> && !StaticShape<std::vector<int>> && !StaticShape<const Shape<3>> &&
              !StaticShape<Shape<3>&>);
struct LooksLikeOne {
    static constexpr std::size_t rank = 1, size = 3;
};
static_assert(!StaticShape<LooksLikeOne>);

static_assert(SameSize<Shape<7, 7, 32>, Shape<1568>> && SameSize<Shape<>, Shape<1>>);
static_assert(!SameSize<Shape<7>, Shape<8>> && !SameSize<Shape<7>, int>);

static_assert(std::same_as<WithLastDim<Shape<9>, 4>, Shape<4>>);
static_assert(std::same_as<WithLastDim<Shape<9, 8>, 4>, Shape<9, 4>>);
static_assert(std::same_as<WithLastDim<Shape<9, 8, 7>, 4>, Shape<9, 8, 4>>);
static_assert(std::same_as<WithLastDim<Shape<9, 8, 7, 6>, 4>, Shape<9, 8, 7, 4>>);
