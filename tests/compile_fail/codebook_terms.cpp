// expect: Codebook: the policies of terms are vq::Orthogonal and vq::Diversity
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/diversity.hpp>

using namespace tessera;
struct Own {
    using category = vq::TermPolicy;
};
#ifdef FIXED
using Spec = Codebook<8, vq::Diversity>;
#else
using Spec = Codebook<8, Own>;
#endif
std::size_t size() { return Spec::Bind<Shape<2, 4>, float>::codes; }
