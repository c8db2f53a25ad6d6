#pragma once
// FusedPair<A, B>: two neighbouring specs that have a common kernel (Conv2d and Relu, Linear and Gelu). A Chain looks for it
// while it binds; where a specialisation with a Bind exists, one bound layer replaces the two. It must give the same
// bits as the two, have A's Params, and B must have none: names in files do not change. `Seq<B>` in B's place keeps the
// two apart (the tests compare both).
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
