// Windows: output sizes, and which windows fit.
#include <tessera/nn/window.hpp>
#include <tessera/nn/window_fits.hpp>

using namespace tessera;
using namespace tessera::nn;

static_assert(halve4.out(28) == 14 && halve4.out(7) == 3 && double4.up(14) == 28);
static_assert(keep3.out(7) == 7 && keep3.up(7) == 7 && keep1.out(5) == 5 && halve2.out(7) == 3);
static_assert(Window{.size = 3, .stride = 3, .pad = 2}.out(5) == 3);

static_assert(WindowFits<Shape<2, 2, 8>, halve4> && !WindowFits<Shape<1, 2, 8>, halve4> &&
              !WindowFits<Shape<2, 1, 8>, halve4>);
static_assert(!WindowFits<Shape<64>, keep1> && !WindowFits<int, keep1>);
static_assert(!WindowFits<Shape<9, 9, 1>, Window{.size = 0}> && !WindowFits<Shape<9, 9, 1>, Window{.stride = 0}>);
static_assert(!WindowFits<Shape<9, 9, 1>, Window{.size = 2, .pad = 2}>);  // a window that covers only padding
static_assert(Window{.size = 9}.out(4) == 1);                             // a valid size after the error

static_assert(WindowGrows<Shape<1, 1, 8>, double4> && WindowGrows<Shape<1, 1, 8>, keep3>);
static_assert(!WindowGrows<Shape<1, 1, 8>, Window{.size = 2, .pad = 1}>);
static_assert(ImageShape<Shape<1, 2, 3>> && !ImageShape<Shape<1, 2>> && !ImageShape<int>);
static_assert(image_height<Shape<4, 5, 6>> == 4 && image_width<Shape<4, 5, 6>> == 5 && image_height<Shape<4>> == 1);
