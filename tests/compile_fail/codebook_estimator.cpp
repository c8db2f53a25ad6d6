// expect: Codebook: this estimator moves the vectors by their gradient: it needs vq::Gradient
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/gradient.hpp>

using namespace tessera;
#ifdef FIXED
using Spec = Codebook<8, vq::DiVeQ, vq::Gradient>;
#else
using Spec = Codebook<8, vq::DiVeQ>;
#endif
std::size_t size() { return Spec::Bind<Shape<2, 4>, float>::codes; }
