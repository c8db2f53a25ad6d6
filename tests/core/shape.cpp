#include <tessera/core/shape.hpp>

#include <doctest/doctest.h>

#include <array>
#include <concepts>

namespace ts = tessera;

namespace {
struct Alike {
    static constexpr std::size_t rank = 1, size = 4;
};
}  // namespace

TEST_CASE("Shape: has the rank, size and dims of its template arguments") {
    using S = ts::Shape<7, 5, 32>;
    static_assert(S::rank == 3 && S::size == 7 * 5 * 32);
    static_assert(S::dims == std::array<std::size_t, 3>{7, 5, 32});
    static_assert(ts::Shape<>::rank == 0 && ts::Shape<>::size == 1);
    CHECK(S::size == 1120);
}

TEST_CASE("Shape: a sample is a matrix with rows of last_dim") {
    static_assert(ts::last_dim<ts::Shape<7, 5, 32>> == 32 && ts::row_count<ts::Shape<7, 5, 32>> == 35);
    static_assert(ts::last_dim<ts::Shape<9>> == 9 && ts::row_count<ts::Shape<9>> == 1);
    static_assert(std::same_as<ts::WithLastDim<ts::Shape<9>, 4>, ts::Shape<4>>);
    static_assert(std::same_as<ts::WithLastDim<ts::Shape<7, 9>, 4>, ts::Shape<7, 4>>);
    static_assert(std::same_as<ts::WithLastDim<ts::Shape<7, 5, 9>, 4>, ts::Shape<7, 5, 4>>);
    static_assert(std::same_as<ts::WithLastDim<ts::Shape<3, 7, 5, 9>, 4>, ts::Shape<3, 7, 5, 4>>);
    CHECK(ts::row_count<ts::Shape<49, 128>> == 49);
}

TEST_CASE("Shape: to_string gives 7x5x32") {
    CHECK(to_string(ts::Shape<7, 5, 32>{}) == "7x5x32");
    CHECK(to_string(ts::Shape<9>{}) == "9");
    CHECK(to_string(ts::Shape<>{}) == "scalar");
}

TEST_CASE("Shape: only a Shape is a StaticShape") {
    static_assert(ts::StaticShape<ts::Shape<4>> && !ts::StaticShape<Alike> && !ts::StaticShape<int>);
    static_assert(ts::SameSize<ts::Shape<4, 6>, ts::Shape<24>> && !ts::SameSize<ts::Shape<4, 6>, ts::Shape<23>>);
    static_assert(Alike::rank == ts::Shape<4>::rank && Alike::size == ts::Shape<4>::size);
    CHECK_FALSE(ts::StaticShape<Alike>);
}
