#include <tessera/dist/all_gather_rows.hpp>

#include "for_ranks.hpp"

TEST_CASE("all_gather_rows: rows of all ranks in their order, also where a rank has none") {
    support::for_ranks(support::contract::rows<support::ThreadCommunicator>);
}
