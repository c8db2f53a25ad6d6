#include <tessera/kernel/simd/simd_name.hpp>

#include <doctest/doctest.h>

#include <string_view>

namespace simd = tessera::kernel::simd;

TEST_CASE("simd_name: names the instructions that the program is compiled for") {
#if defined(__AVX512F__)
    CHECK(std::string_view{simd::name()} == "AVX-512");
#elif defined(__AVX2__) && defined(__FMA__)
    CHECK(std::string_view{simd::name()} == "AVX2+FMA");
#else
    CHECK_FALSE(std::string_view{simd::name()}.empty());
#endif
}
