// A line for each quantizer of the family, with its hash, for widths/compare.sh.
#include "family.hpp"

#include <cinttypes>
#include <cstdio>

int main() {
    for (const embedding::FamilyMember& member : embedding::family())
        std::printf("%016" PRIx64 "  %s\n", member.hash(false), member.name.c_str());
}
