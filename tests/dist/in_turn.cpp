#include <tessera/dist/in_turn.hpp>

#include "for_ranks.hpp"

TEST_CASE("in_turn: any number of ranks has the bits of one process that sees all samples in order") {
    support::for_ranks(support::contract::sums_in_turn<support::ThreadCommunicator>);
}

TEST_CASE("in_turn: f is called once on each rank, one after another") {
    std::vector<std::size_t> order;  // no lock: the messages order the calls
    support::run_ranks(4, [&](support::ThreadCommunicator& c) {
        tessera::dist::Message message;
        std::vector<float> sum{1};
        tessera::dist::in_turn(c, message, sum, [&] { order.push_back(c.rank()); });
    });
    CHECK(order == std::vector<std::size_t>{0, 1, 2, 3});
}
