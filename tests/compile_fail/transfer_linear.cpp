// expect: transfer: the weights of this layer depend on the size of the image
// expect: LinearParams<16, 3
// expect: LinearParams<64, 3
#include <tessera/nn/chain.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/nn/transfer.hpp>

using namespace tessera;
using namespace tessera::nn;

#ifdef FIXED
using Large = Chain<Shape<4, 4, 1>, Reshape<16>, Linear<3>>;
#else
using Large = Chain<Shape<8, 8, 1>, Reshape<64>, Linear<3>>;
#endif
using Small = Chain<Shape<4, 4, 1>, Reshape<16>, Linear<3>>;

void move_weights(const Small::Params& small, Large::Params& large) { transfer(small, large); }
