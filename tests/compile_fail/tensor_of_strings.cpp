// expect: Tensor: the element type must be an integer or a floating-point type, and not bool
#include <tessera/core/tensor.hpp>

#include <string>

#ifdef FIXED
using Number = float;
#else
using Number = std::string;
#endif
std::size_t texts(const tessera::Tensor<Number, tessera::Shape<3>>& x) { return x.batch(); }
