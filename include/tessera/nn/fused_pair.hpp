#pragma once
// FusedPair: two neighbouring specs that share one kernel (Conv2d and Relu, Linear and Gelu).
//
// A Chain looks for a specialisation while it binds. Where one with a Bind exists, one bound layer replaces the two. It
// must give the bits of the two and have A's Params, and B must have none: names in files do not change. `Seq<B>`
// instead of B keeps the two apart (the tests compare both).
//
// A specialisation is part of what Chain<..., A, B, ...> means, so it is in the header that defines A, with B declared
// here: no choice or order of includes gives the same net another layout (tests/odr/layouts.sh).

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI::nn {

struct Relu;
struct Gelu;

template <class A, class B>
struct FusedPair {};

}  // namespace tessera::nn
