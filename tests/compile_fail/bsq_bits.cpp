// expect: Bsq: 1 to 31 bits: a token has 32, of which one value means absent
// expect: Bsq<32>
#include <tessera/vq/bsq.hpp>

using namespace tessera;

#ifdef FIXED
using Bits = Bsq<31>;
#else
using Bits = Bsq<32>;
#endif
Bits bits;
