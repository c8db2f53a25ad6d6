// expect: Codebook: at least one vector, and fewer than 2\^32 - 1: a token has 32 bits
// expect: Codebook<4294967295>
#include <tessera/vq/codebook.hpp>

#ifdef FIXED
constexpr std::size_t codes = 4294967294;
#else
constexpr std::size_t codes = 4294967295;
#endif
std::size_t size() { return tessera::Codebook<codes>::Bind<tessera::Shape<3>, float>::codes; }
