// expect: deleted function .*batches
// expect: Tokens<4>
#include <tessera/data/batches.hpp>
#include <tessera/data/tokens.hpp>

#include <cstddef>

using namespace tessera;

data::Tokens<4> tokens();

std::size_t pass() {
    std::size_t n = 0;
#ifdef FIXED
    const auto held = tokens();
    for (auto&& batch : batches(held, 2, BatchOptions{})) n += batch.size();
#else
    for (auto&& batch : batches(tokens(), 2, BatchOptions{})) n += batch.size();
#endif
    return n;
}
