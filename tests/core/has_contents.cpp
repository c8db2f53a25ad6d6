#include <tessera/core/has_contents.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>

#include <utility>

using namespace tessera;

namespace {

std::string refusal(const HasContents& object) {
    return support::message<StateError>([&] { object.refuse_empty("Frozen", "packed weights"); });
}
constexpr const char* none = "Frozen: expected packed weights, got an object that is empty or was moved from";

}  // namespace

TEST_CASE("HasContents: an object without contents is refused, until it has some") {
    HasContents object;
    CHECK(refusal(object) == none);
    object.set();
    CHECK(refusal(object) == "");
}

TEST_CASE("HasContents: a copy has them too, a move takes them, and a new set brings them back") {
    HasContents object;
    object.set();
    HasContents copy = object;
    CHECK(refusal(copy) == "");
    CHECK(refusal(object) == "");

    HasContents moved = std::move(object);
    CHECK(refusal(moved) == "");
    CHECK(refusal(object) == none);

    HasContents assigned;
    assigned = std::move(copy);
    CHECK(refusal(assigned) == "");
    CHECK(refusal(copy) == none);
    copy.set();
    CHECK(refusal(copy) == "");

    HasContents& same = assigned;
    assigned = std::move(same);
    CHECK(refusal(assigned) == "");
    assigned = HasContents{};
    CHECK(refusal(assigned) == none);
}
