#include <tessera/dist/sizes.hpp>

#include "for_ranks.hpp"

TEST_CASE("sizes: the number of every rank, on every rank") {
    support::for_ranks(support::contract::rows<support::ThreadCommunicator>);
}
