// Each quantizer of the family: the same bits for any number of threads, and through a file in the middle.
#include <doctest/doctest.h>
#include <embedding/family/family.hpp>
#include <support/threads.hpp>

#include <cstdint>
#include <set>

TEST_CASE("Family: every quantizer ends with the same bits for 1, 2 and 3 threads, and after a resume") {
    std::set<std::uint64_t> all;
    for (const embedding::FamilyMember& member : embedding::family()) {
        INFO(member.name);
        const std::uint64_t expected = member.hash(false);
        for (const int threads : {1, 2, 3})
            CHECK(support::with_threads(threads, [&] { return member.hash(false); }) == expected);
        CHECK(member.hash(true) == expected);
        all.insert(expected);
    }
    CHECK(all.size() == embedding::family().size());
}
