#include <tessera/dist/same_everywhere.hpp>

#include "for_ranks.hpp"

TEST_CASE("same_everywhere: all ranks see that one of them differs") {
    support::for_ranks(support::contract::agreement<support::ThreadCommunicator>);
}
