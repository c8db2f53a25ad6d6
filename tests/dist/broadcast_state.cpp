#include <tessera/dist/broadcast_state.hpp>

#include "for_ranks.hpp"

TEST_CASE("broadcast_state: all ranks get the state of the root, or all throw and nothing changes") {
    support::for_ranks(support::contract::state<support::ThreadCommunicator>);
}

TEST_CASE("broadcast_state: names the first difference of two models") {
    using tessera::dist::detail::first_difference;
    CHECK(first_difference("a: 4 bytes\nb: 8 bytes\n", "a: 4 bytes\nb: 4 bytes\n") ==
          "expected b: 8 bytes, got b: 4 bytes");
    CHECK(first_difference("a: 4 bytes\nb: 8 bytes\n", "a: 4 bytes\n") == "expected b: 8 bytes, got nothing more");
    CHECK(first_difference("", "a: 4 bytes\n") == "expected nothing more, got a: 4 bytes");
    CHECK(first_difference("a: 4 bytes\n", "b: 4 bytes\n") == "expected a: 4 bytes, got b: 4 bytes");
}
