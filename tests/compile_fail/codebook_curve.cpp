// expect: Codebook: vq::SpaceFillingDiVeQ needs vq::Gradient, vq::Euclidean, vq::Nearest and at least two
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/cosine.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/space_filling_diveq.hpp>

using namespace tessera;
#ifdef FIXED
using Spec = Codebook<8, vq::Gradient, vq::SpaceFillingDiVeQ>;
#else
using Spec = Codebook<8, vq::Gradient, vq::Cosine, vq::SpaceFillingDiVeQ>;
#endif
std::size_t size() { return Spec::Bind<Shape<2, 4>, float>::codes; }
