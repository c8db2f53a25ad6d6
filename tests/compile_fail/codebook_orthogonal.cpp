// expect: Codebook: vq::Orthogonal needs vq::Gradient and at most 4096 vectors
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/orthogonal.hpp>

using namespace tessera;
#ifdef FIXED
using Spec = Codebook<8, vq::Gradient, vq::Orthogonal>;
#else
using Spec = Codebook<8, vq::Orthogonal>;
#endif
std::size_t size() { return Spec::Bind<Shape<2, 4>, float>::codes; }
