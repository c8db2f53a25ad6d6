// expect: narrowing conversion of .-3. from .int.|evaluates to -3, which cannot be narrowed
#include <tessera/core/shape.hpp>

#ifdef FIXED
constexpr int width = 3;
#else
constexpr int width = -3;
#endif
std::size_t size() { return tessera::Shape<4, width>::size; }
