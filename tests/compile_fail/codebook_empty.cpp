// expect: Codebook: at least one vector, and fewer than 2\^32 - 1: a token has 32 bits
// expect: Codebook<0>
#include <tessera/vq/codebook.hpp>

#ifdef FIXED
constexpr std::size_t codes = 1;
#else
constexpr std::size_t codes = 0;
#endif
std::size_t size() { return tessera::Codebook<codes>::Bind<tessera::Shape<3>, float>::codes; }
