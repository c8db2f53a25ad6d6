// expect: ConvTranspose2d: padding leaves an empty output
// expect: Shape<1, 1, 3>
// expect: WindowGrows
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>

using namespace tessera::nn;
#ifdef FIXED
constexpr Window window{.size = 3, .stride = 2, .pad = 1};
#else
constexpr Window window{.size = 2, .stride = 2, .pad = 1};
#endif
Chain<tessera::Shape<1, 1, 3>, ConvTranspose2d<8, window>>::Cache cache;
