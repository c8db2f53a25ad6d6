#include <tessera/core/in_use.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>

#include <optional>

using namespace tessera;

namespace {

std::string change(InUse& object) {
    return support::message<StateError>([&] { const InUse::Guard guard{object, "Model: change"}; });
}
std::string read(InUse& object) {
    return support::message<StateError>([&] { const InUse::Reading reading{object, "Model: read"}; });
}

}  // namespace

TEST_CASE("InUse: an object that is being changed is refused, and is free afterwards") {
    InUse object;
    {
        const InUse::Guard guard{object, "Model: change"};
        CHECK(change(object) == "Model: change: concurrent or re-entrant call: expected one call at a time");
        CHECK(read(object) == "Model: read: concurrent or re-entrant call: expected one call at a time");
        InUse copy = object;
        CHECK(change(copy) == "");
    }
    CHECK(change(object) == "");
    CHECK(read(object) == "");
}

TEST_CASE("InUse: an object that is being read may be read by others, and is changed after the last of them") {
    InUse object;
    std::optional<InUse::Reading> first{std::in_place, object, "a"}, second{std::in_place, object, "b"};
    CHECK(read(object) == "");
    CHECK(change(object) != "");
    first.reset();
    CHECK(change(object) != "");
    second.reset();
    CHECK(change(object) == "");
}
