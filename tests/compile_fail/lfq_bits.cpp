// expect: Lfq: 1 to 31 bits: a token has 32, of which one value means absent
// expect: Lfq<32>
#include <tessera/vq/lfq.hpp>

using namespace tessera;

#ifdef FIXED
using Bits = Lfq<31>;
#else
using Bits = Lfq<32>;
#endif
Bits bits;
