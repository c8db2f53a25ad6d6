// expect: Codebook: two policies of one category
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/fixed.hpp>

using namespace tessera;
#ifdef FIXED
using Spec = Codebook<8, vq::Fixed>;
#else
using Spec = Codebook<8, vq::Ema, vq::Fixed>;
#endif
std::size_t size() { return Spec::Bind<Shape<2, 4>, float>::codes; }
