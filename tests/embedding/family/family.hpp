#pragma once
// The family of quantizers: a short training of each, whose whole state is a hash. The same list is run with several
// numbers of threads, saved and loaded in the middle, and compiled for another vector width.

#include <cstdint>
#include <string>
#include <vector>

namespace embedding {

struct FamilyMember {
    std::string name;
    std::uint64_t (*hash)(bool resumed);  ///< resumed: parameters and buffers go through a file in the middle
};

const std::vector<FamilyMember>& family();

}  // namespace embedding
