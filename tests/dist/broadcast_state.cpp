#include <tessera/dist/broadcast_state.hpp>

#include "for_ranks.hpp"

#include <support/message.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/data_position.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/io/weights.hpp>

#include <string>
#include <vector>

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

TEST_CASE("broadcast_state: an order that rank 0 has accepted is accepted by all ranks") {
    support::for_ranks([](support::ThreadCommunicator& c) -> std::string {
        using namespace tessera;
        const data::Tokens<2> set{std::vector<Token>(20)};
        Rng rng{1};
        DataPosition ran{rng}, position{rng};
        for (auto&& batch : batches(set, 2, ran, {.shuffle = true})) {
            static_cast<void>(batch);
            break;
        }
        if (c.rank() == 0) {
            io::SafetensorsFile file{io::collect(ran).bytes(), "x"};
            io::load(file, {.accept = {"shuffle"}}, position);
        }
        dist::broadcast_state(c, 0, position);
        return support::message<ArgumentError>([&] { return batches(set, 2, position, {.shuffle = false}); });
    });
}
