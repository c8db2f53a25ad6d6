#include <tessera/dist/all_gather_count.hpp>

#include "for_ranks.hpp"

TEST_CASE("all_gather_count: the number of every rank, on every rank") {
    support::for_ranks(support::contract::rows<support::ThreadCommunicator>);
}
