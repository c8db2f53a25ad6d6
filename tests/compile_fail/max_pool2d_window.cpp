// expect: MaxPool2d: the window must fit
// expect: Shape<5, 5, 3>
// expect: WindowFits
// expect: Window\{ *8, 1, 1 *\}|\{8, 1, 1\}
#include <tessera/nn/chain.hpp>
#include <tessera/nn/max_pool2d.hpp>

using namespace tessera::nn;
#ifdef FIXED
constexpr Window window{.size = 7, .stride = 1, .pad = 1};
#else
constexpr Window window{.size = 8, .stride = 1, .pad = 1};
#endif
Chain<tessera::Shape<5, 5, 3>, MaxPool2d<window>>::Cache cache;
