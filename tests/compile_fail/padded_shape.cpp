// expect: Padded: expected height x width x channels, not smaller than the images and with their channels
#include <tessera/data/images.hpp>
#include <tessera/data/padded.hpp>

using namespace tessera;
#ifdef FIXED
using Larger = Shape<8, 9, 1>;
#else
using Larger = Shape<8, 6, 1>;
#endif
using Images = data::Images<Shape<7, 7, 1>>;
std::size_t size(const Images& images) { return data::Padded<Larger, Images>{images}.size(); }
