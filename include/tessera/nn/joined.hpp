#pragma once
// Joined<A, B>: two neighbouring specs that have a common kernel (Conv2d and Relu, Linear and Gelu). A Chain asks while
// it binds; where a specialisation with a Bind exists, one bound layer takes the place of the two. It must give the same
// bits as the two, have A's Params, and B must have none: names in files do not change. `Seq<B>` in B's place keeps the
// two apart (the tests compare both).

#include <tessera/core/abi.hpp>

namespace tessera::inline TESSERA_ABI::nn {

template <class A, class B>
struct Joined {};

}  // namespace tessera::nn
