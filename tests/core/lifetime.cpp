#include <tessera/core/lifetime.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

using tessera::Lifetime;

namespace lifetime_test {

using State = Lifetime::State;
using Watch = Lifetime::Watch;

static_assert(std::is_nothrow_copy_constructible_v<Lifetime> && std::is_nothrow_move_constructible_v<Lifetime>);
static_assert(std::is_nothrow_copy_constructible_v<Watch> && !std::is_default_constructible_v<Watch>);

TEST_CASE("Lifetime: a watch reports whether its object is alive, moved from or destroyed") {
    std::optional<Lifetime> object{std::in_place};
    const Watch watch{*object};
    CHECK(watch.state() == State::alive);
    Lifetime other = std::move(*object);
    CHECK(watch.state() == State::moved);
    object.reset();
    CHECK(watch.state() == State::moved);  // the first event counts

    std::optional<Lifetime> second{std::in_place};
    const Watch of_second{*second};
    second.reset();
    CHECK(of_second.state() == State::ended);
}

TEST_CASE("Lifetime: a copy is a new object without watches") {
    Lifetime object;
    const Watch watch{object};
    {
        Lifetime copy = object;
        CHECK(watch.state() == State::alive);
        const Watch of_copy{copy};
        object = copy;
        CHECK(of_copy.state() == State::alive);
    }
    CHECK(watch.state() == State::alive);
}

TEST_CASE("Lifetime: after a move assignment the target is alive and the source is moved from") {
    Lifetime to, from;
    const Watch of_to{to}, of_from{from};
    to = std::move(from);
    CHECK(of_to.state() == State::alive);
    CHECK(of_from.state() == State::moved);
    Lifetime& same = to;
    to = std::move(same);
    CHECK(of_to.state() == State::alive);
}

TEST_CASE("Lifetime: when a vector grows, its elements count as moved from") {
    std::vector<Lifetime> objects(1);
    const Watch watch{objects[0]};
    objects.reserve(objects.capacity() + 1);
    CHECK(watch.state() == State::moved);
}

TEST_CASE("Lifetime: any number of watches, copied and destroyed in any order, are notified") {
    for (int gone = 0; gone < 4; ++gone) {
        auto object = std::make_unique<Lifetime>();
        std::vector<std::unique_ptr<Watch>> watches;
        for (int i = 0; i < 3; ++i) watches.push_back(std::make_unique<Watch>(*object));
        watches.push_back(std::make_unique<Watch>(*watches[1]));
        watches[static_cast<std::size_t>(gone)].reset();
        Lifetime other;
        Watch assigned{other};
        assigned = *watches[gone == 0 ? 1 : 0];
        const Watch& itself = assigned;
        assigned = itself;
        object.reset();
        for (const auto& watch : watches)
            if (watch) CHECK(watch->state() == State::ended);
        CHECK(assigned.state() == State::ended);
    }
}

TEST_CASE("Lifetime: a watch that is assigned to another object no longer watches the first") {
    auto first = std::make_unique<Lifetime>();
    Lifetime second;
    Watch watch{*first};
    watch = Watch{second};
    first.reset();
    CHECK(watch.state() == State::alive);
    const Watch of_gone = [] {
        Lifetime gone;
        return Watch{gone};
    }();
    watch = of_gone;
    CHECK(watch.state() == State::ended);
}

}  // namespace lifetime_test
