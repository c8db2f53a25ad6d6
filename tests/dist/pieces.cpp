#include <tessera/dist/detail/pieces.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <utility>
#include <vector>

using namespace tessera;
using Pieces = std::vector<std::pair<std::size_t, std::size_t>>;

namespace {

Pieces pieces(std::size_t bytes, std::size_t longest) {
    Pieces all;
    dist::detail::in_pieces(bytes, longest,
                            [&](std::size_t first, std::size_t count) { all.emplace_back(first, count); });
    return all;
}

}  // namespace

TEST_CASE("in_pieces: no piece is longer than MPI can count, and together they cover all bytes") {
    CHECK(pieces(0, 4) == Pieces{});
    CHECK(pieces(4, 4) == Pieces{{0, 4}});
    CHECK(pieces(9, 4) == Pieces{{0, 4}, {4, 4}, {8, 1}});
    constexpr std::size_t giga = std::size_t{1} << 30;
    CHECK(pieces(3 * giga + 5, dist::detail::longest_piece) ==
          Pieces{{0, giga}, {giga, giga}, {2 * giga, giga}, {3 * giga, 5}});
}
