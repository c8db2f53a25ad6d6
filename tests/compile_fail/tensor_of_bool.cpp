// expect: Tensor: the element type must be an integer or a floating-point type, and not bool
#include <tessera/core/tensor.hpp>

#ifdef FIXED
using Flag = unsigned char;
#else
using Flag = bool;
#endif
std::size_t flags(const tessera::Tensor<Flag, tessera::Shape<3>>& x) { return x.batch(); }
