#pragma once
// Sixteen virtual lanes; not a std::function in sight.
#include <tessera/core/abi.hpp>
#include <vector>
int virtual_lanes = 16;
static_assert(sizeof(int) == 4, "wider than the virtual lanes");
