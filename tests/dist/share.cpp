#include <tessera/dist/share.hpp>

#include <tessera/dist/self.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/thread_communicator.hpp>

#include <bit>
#include <cstddef>
#include <vector>

using namespace tessera;

namespace {

std::vector<std::size_t> counts(std::size_t size, std::size_t groups) {
    support::ThreadWorld world{size};
    std::vector<std::size_t> all;
    for (std::size_t rank = 0; rank < size; ++rank)
        all.push_back(dist::share(support::ThreadCommunicator{world, rank}, groups).count);
    return all;
}

}  // namespace

TEST_CASE("share: consecutive subtrees whose size is a power of two") {
    using Counts = std::vector<std::size_t>;
    CHECK(counts(1, 13) == Counts{13});
    CHECK(counts(2, 8) == Counts{4, 4});
    CHECK(counts(2, 5) == Counts{4, 1});
    CHECK(counts(3, 6) == Counts{2, 2, 2});
    CHECK(counts(4, 12) == Counts{4, 4, 4, 0});
    CHECK(counts(4, 2) == Counts{1, 1, 0, 0});
    CHECK(counts(3, 0) == Counts{0, 0, 0});
    CHECK(dist::share(dist::Self{}, 7).count == 7);
}

TEST_CASE("share: every group belongs to one rank, and a share begins where a subtree begins") {
    support::Mismatch wrong;
    for (std::size_t size = 1; size <= 9; ++size)
        for (std::size_t groups = 0; groups <= 40; ++groups) {
            support::ThreadWorld world{size};
            std::size_t next = 0;
            for (std::size_t rank = 0; rank < size; ++rank) {
                const dist::Share share = dist::share(support::ThreadCommunicator{world, rank}, groups);
                if (share.count > 0)
                    wrong.compare(0u, share.first % std::bit_ceil(share.count), "alignment, size = ", size,
                                  ", groups = ", groups, ", rank ", rank);
                wrong.compare(next, share.first, "first, size = ", size, ", groups = ", groups, ", rank ", rank);
                next += share.count;
            }
            wrong.compare(groups, next, "sum, size = ", size, ", groups = ", groups);
        }
    CHECK(wrong.first() == "");
}
