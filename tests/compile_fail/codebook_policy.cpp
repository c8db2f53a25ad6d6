// expect: Codebook: a policy has no member
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/cosine.hpp>

using namespace tessera;
#ifdef FIXED
using Spec = Codebook<8, vq::Cosine>;
#else
using Spec = Codebook<8, vq::Cosine, int>;
#endif
std::size_t size() { return Spec::Bind<Shape<2, 4>, float>::codes; }
