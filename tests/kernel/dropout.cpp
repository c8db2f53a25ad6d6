#include <tessera/kernel/dropout.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace kernel = tessera::kernel;

TEST_CASE_TEMPLATE("dropout_mask: uses the half words of Philox in the order of its comment", T, float, double) {
    const std::array<std::uint32_t, 2> key{123456u, 789u};
    const std::uint32_t keep = 40000;
    support::Mismatch wrong;
    for (const std::size_t n : {1u, 7u, 8u, 9u, 31u, 33u, 64u, 65u, 300u}) {
        std::vector<T> mask(n, T(9)), twin(n);
        kernel::dropout_mask<T>(key, keep, T(1.5), mask);
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t g = i / 64, w = i / 16 % 4, h = i / 8 % 2, j = i % 8;
            const auto block = tessera::philox4x32({static_cast<std::uint32_t>(8 * g + j), 0, 0, 0}, key);
            twin[i] = (block[w] >> (16 * h) & 0xFFFFu) < keep ? T(1.5) : T(0);
        }
        wrong.compare(twin, mask, "n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("dropout_mask: keeps the requested share, and another key keeps other elements") {
    std::vector<float> a(20000), b(20000);
    kernel::dropout_mask<float>({1, 0}, 58982, 1.f, a);  // 0.9 of 65536
    kernel::dropout_mask<float>({2, 0}, 58982, 1.f, b);
    CHECK(std::abs(static_cast<double>(std::ranges::count(a, 1.f)) / 20000 - 0.9) < 0.01);
    CHECK(a != b);
    kernel::dropout_mask<float>({1, 0}, 65536, 1.f, a);
    CHECK(std::ranges::count(a, 1.f) == 20000);
}
