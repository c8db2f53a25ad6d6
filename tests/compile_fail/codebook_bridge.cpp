// expect: Bridge: the net must give rows of as many elements as it takes
#include <tessera/nn/linear.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/policy/bridge.hpp>

using namespace tessera;
#ifdef FIXED
using Spec = Codebook<8, vq::Bridge<nn::Linear<4>>>;
#else
using Spec = Codebook<8, vq::Bridge<nn::Linear<5>>>;
#endif
std::size_t size() { return Spec::Bind<Shape<2, 4>, float>::codes; }
