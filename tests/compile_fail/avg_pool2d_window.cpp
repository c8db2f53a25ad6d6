// expect: AvgPool2d: the window must fit
// expect: Shape<5, 5, 3>
// expect: WindowFits
// expect: Window\{ *8, 1, 1 *\}|\{8, 1, 1\}
#include <tessera/nn/avg_pool2d.hpp>
#include <tessera/nn/chain.hpp>

using namespace tessera::nn;
#ifdef FIXED
constexpr Window window{.size = 7, .stride = 1, .pad = 1};
#else
constexpr Window window{.size = 8, .stride = 1, .pad = 1};
#endif
Chain<tessera::Shape<5, 5, 3>, AvgPool2d<window>>::Cache cache;
