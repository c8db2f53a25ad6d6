// The same bits for any caller and any number of threads: the whole state of the tiny run is one hash.
#include <doctest/doctest.h>
#include <embedding/tiny_run.hpp>
#include <support/host.hpp>

#include <cstddef>
#include <cstdint>
#include <set>

using namespace embedding;

TEST_CASE("Same bits: a tiny run has one hash for 1 to 8 threads, alone or in the arena of a busy host") {
    std::set<std::uint64_t> hashes;
    for (const int threads : {1, 2, 3, 4, 8}) {
        hashes.insert(support::in_arena(threads, [] { return tiny_run().hash; }));
        hashes.insert(support::in_busy_arena(threads, [] { return tiny_run().hash; }));
    }
    CHECK(hashes.size() == 1);
}

TEST_CASE("Same bits: the tiny run learns in both stages, and revives codebook vectors") {
    const Outcome outcome = tiny_run();
    const std::size_t steps = outcome.losses.size() / 2;
    CHECK(steps == 40);
    CHECK(outcome.losses[steps - 1] < 0.9 * outcome.losses[0]);
    CHECK(outcome.losses.back() < outcome.losses[steps]);
    CHECK(outcome.revived > 0);
}
