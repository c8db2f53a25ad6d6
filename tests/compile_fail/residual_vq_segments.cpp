// expect: ResidualVq: a level with vq::SpaceFillingDiVeQ has tokens of segments in training, not of vectors
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/space_filling_diveq.hpp>
#include <tessera/vq/residual_vq.hpp>

using namespace tessera;
#ifdef FIXED
using Level = Codebook<8, vq::Gradient, vq::DiVeQ>;
#else
using Level = Codebook<8, vq::Gradient, vq::SpaceFillingDiVeQ>;
#endif
std::size_t size() { return ResidualVq<Level, 2>::Bind<Shape<2, 4>, float>::codes; }
