#include <tessera/core/batch_share.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cstddef>

using namespace tessera;

TEST_CASE("batch_share: the shares of all processes partition the batch, in order") {
    for (const std::size_t ranks : {1u, 2u, 3u, 4u, 5u, 8u})
        for (std::size_t samples = 0; samples <= 300; ++samples) {
            std::size_t next = 0;
            for (std::size_t rank = 0; rank < ranks; ++rank) {
                const BatchShare share = batch_share(samples, {.rank = rank, .ranks = ranks});
                CAPTURE(samples);
                CAPTURE(ranks);
                CAPTURE(rank);
                REQUIRE(share.first == next);
                next += share.count;
            }
            REQUIRE(next == samples);
        }
}

TEST_CASE("batch_share: all full shares have one power-of-two number of groups, so that gradient sums are subtrees") {
    for (const std::size_t ranks : {2u, 3u, 4u, 7u})
        for (std::size_t samples = 1; samples <= 300; ++samples) {
            const std::size_t width = batch_share(samples, {.rank = 0, .ranks = ranks}).count;
            for (std::size_t rank = 1; rank < ranks; ++rank) {
                const BatchShare share = batch_share(samples, {.rank = rank, .ranks = ranks});
                if (share.count == 0) continue;
                CAPTURE(samples);
                REQUIRE(width % group_size == 0);
                REQUIRE(std::has_single_bit(width / group_size));
                REQUIRE(share.first == rank * width);
                REQUIRE(share.count <= width);
            }
        }
}

TEST_CASE("batch_share: the load is uneven where the groups are not a power of two times the processes") {
    const auto counts = [](std::size_t samples, std::size_t rank) {
        return batch_share(samples, {.rank = rank, .ranks = 4}).count;
    };
    CHECK(counts(128, 0) == 32);
    CHECK(counts(128, 3) == 32);
    CHECK(counts(192, 0) == 64);  // 12 groups: 4, 4, 4, 0
    CHECK(counts(192, 3) == 0);
    CHECK(counts(16, 0) == 16);
    CHECK(counts(16, 1) == 0);
}
