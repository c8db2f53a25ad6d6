#include <tessera/data/unchanged_size.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>

#include <vector>

using namespace tessera;

TEST_CASE("UnchangedSize: a dataset of another size than at the beginning is refused") {
    std::vector<int> set(3);
    const data::UnchangedSize all{set, "read"};
    CHECK(all.size() == 3);
    CHECK_NOTHROW(all.refuse_change(set));
    set.push_back(1);
    CHECK(support::message<StateError>([&] { all.refuse_change(set); }) ==
          "read: dataset: expected 3 examples to the end, as at the beginning, got 4");
    CHECK(all.size() == 3);
}
