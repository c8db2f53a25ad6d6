// expect: metadata: expected `static NamedValues metadata\(\)`
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

// A loss may have the same hooks as a quantizer.
template <class In, class T>
struct MyLoss : MseLoss<In, T> {
#ifdef FIXED
    static NamedValues metadata() { return {}; }
#else
    NamedValues metadata() const { return {}; }
#endif
};
struct My {
    template <class In, class T>
    using Bind = MyLoss<In, T>;
};
using Bound = BindLoss<My, Shape<14, 14, 1>, float>;
std::size_t size() { return Bound::Input::size; }
