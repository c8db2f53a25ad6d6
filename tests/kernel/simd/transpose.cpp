#include <tessera/kernel/simd/transpose.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <cstddef>
#include <vector>

namespace kernel = tessera::kernel;

TEST_CASE("transpose: rows become columns, each times the factor of its row") {
    constexpr std::size_t W = kernel::simd::width<float>, ld = W + 3, ldo = 2 * W + 1;
    std::vector<float> in(W * ld), factor(W), out(W * ldo, -1.f);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i);
    for (std::size_t r = 0; r < W; ++r) factor[r] = static_cast<float>(r + 1);
    kernel::transpose([&](std::size_t r) { return in.data() + r * ld; }, kernel::simd::load<float>(factor.data()),
                      out.data(), ldo);
    support::Mismatch wrong;
    for (std::size_t c = 0; c < W; ++c)
        for (std::size_t i = 0; i < ldo && c * ldo + i < out.size(); ++i)
            wrong.compare(i < W ? factor[i] * in[i * ld + c] : -1.f, out[c * ldo + i], "column ", c, ", row ", i);
    CHECK(wrong.first() == "");
}
