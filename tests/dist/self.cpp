#include <tessera/dist/self.hpp>

#include "for_ranks.hpp"

#include <support/counting_allocator.hpp>

#include <array>
#include <type_traits>

using namespace tessera;
using dist::Self;

static_assert(dist::Communicator<Self> && dist::single_process<Self> && std::is_empty_v<Self>);
static_assert(Self::rank() == 0 && Self::size() == 1);

TEST_CASE("Self: is a communicator of one process") {
    Self self;
    CHECK(support::contract::all(self) == "");
}

TEST_CASE("Self: sums, turns and broadcasts change no number and allocate nothing") {
    Self self;
    dist::Message message;
    support::Model model;
    model.weights.wide.fill(0.1f);
    std::array<double, 2> losses{1, 2};
    int turns = 0;
    const std::size_t before = support::allocations();
    dist::sum_tree(self, message, model.weights, losses);
    dist::in_turn(self, message, model.weights, [&] { ++turns; });
    dist::broadcast_state(self, 0, model);
    CHECK(support::allocations() == before);
    CHECK(message.bytes().empty());
    CHECK(turns == 1);
    CHECK(model.changed == 0);
    CHECK((model.weights.wide[7] == 0.1f && losses[1] == 2));
}
