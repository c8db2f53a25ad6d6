#include <tessera/dist/gather_rows.hpp>

#include "for_ranks.hpp"

TEST_CASE("gather_rows: rows of all ranks in their order, also where a rank has none") {
    support::for_ranks(support::contract::rows<support::ThreadCommunicator>);
}
