// expect: Projected: the quantizer must give as many rows as it takes, and the same number of tokens for each
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/projected.hpp>
#include <tessera/vq/vq_vae.hpp>

using namespace tessera;
using namespace tessera::nn;

struct Encoder : Chain<Shape<14, 14, 1>, Conv2d<4, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};

template <class In, class T>
struct SingleQuantizer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Buffers = Empty;
    using Packed = Empty;
    using Cache = Empty;
    struct Options {};
    static constexpr std::size_t tokens = 1, codes = 2;
    using Tokens = Shape<tokens>;
    static void init(Empty&, Empty&, Rng&) {}
    static void pack(const Empty&, const Empty&, const Options&, Empty&) {}
    static void forward(const Empty&, const Pass&, View<const T, In>, View<Token, Tokens>, View<T, Output>, Empty&) {}
    static void lookup(const Empty&, View<const Token, Tokens>, View<T, Output>, Empty&) {}
    static void backward(const Empty&, View<const T, In>, View<const Token, Tokens>, View<const T, Output>,
                         View<const T, Output>, View<T, In>, Empty&, Empty&) {}
};
struct Single {
    template <class In, class T>
    using Bind = SingleQuantizer<In, T>;
};

#ifdef FIXED
using Spec = Projected<3, Codebook<8>>;
#else
using Spec = Projected<3, Single>;
#endif
using Vae = VqVae<Encoder, Spec, Decoder>;
std::size_t tokens() { return Vae::tokens; }
