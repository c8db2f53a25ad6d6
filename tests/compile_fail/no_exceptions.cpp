// expect: tessera: -fno-exceptions leaves no way to report errors
// The macro that -fno-exceptions leaves undefined; math_flags.sh tries the option itself.
#ifndef FIXED
#undef __cpp_exceptions
#endif
#include <tessera/core/shape.hpp>

std::size_t size() { return tessera::Shape<4>::size; }
