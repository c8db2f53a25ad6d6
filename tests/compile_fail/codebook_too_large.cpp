// expect: Codebook: at least one code, and fewer than 65535: a token has 16 bits
// expect: Codebook<70000>
#include <tessera/vq/codebook.hpp>

#ifdef FIXED
constexpr std::size_t codes = 65534;
#else
constexpr std::size_t codes = 70000;
#endif
std::size_t size() { return tessera::Codebook<codes>::size; }
