#include <support/counting_allocator.hpp>

#include <tessera/testing/count_allocations.hpp>

std::size_t support::allocations() { return tessera::testing::allocations(); }
