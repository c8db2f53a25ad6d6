#include <tessera/codec/token_frequencies.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/crc32.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

using namespace tessera;
using namespace tessera::codec;

namespace token_frequencies_test {

namespace {

std::vector<float> random_logits(std::size_t n, float deviation, std::uint64_t seed) {
    Rng rng{seed};
    std::vector<float> logits(n);
    for (float& l : logits) l = deviation * rng.uniform(-3, 3);
    return logits;
}
std::vector<std::uint32_t> frequencies_of(std::vector<float> logits) {
    std::vector<std::uint32_t> f(logits.size());
    token_frequencies(logits, f);
    return f;
}

}  // namespace

TEST_CASE("token_frequencies: sum to 2^24, each at least 1, for every size and sharpness") {
    support::Mismatch wrong;
    for (const std::size_t n : {1, 2, 7, 8, 9, 31, 256, 1000, 65'536, 1'048'576})
        for (const float deviation : {0.0f, 0.5f, 3.0f, 1e3f, 1e37f}) {
            const auto f = frequencies_of(random_logits(n, deviation, n));
            wrong.compare(std::uint64_t{total_frequency}, std::accumulate(f.begin(), f.end(), std::uint64_t{0}),
                          "sum, n = ", n, ", deviation ", deviation);
            wrong.require(std::ranges::min(f) >= 1, "least, n = ", n, ", deviation ", deviation);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("token_frequencies: the scalar formula in exact integers gives the same") {
    support::Mismatch wrong;
    for (const std::size_t n : {1, 5, 16, 17, 300})
        for (const float deviation : {0.1f, 2.0f, 20.0f}) {
            std::vector<float> w = random_logits(n, deviation, n + 1);
            const float largest = *std::ranges::max_element(w);
            std::uint64_t sum = 0;
            with_fp_environment([&] { kernel::exp_row<float>(w, largest, w); });
            for (const float x : w)
                sum += static_cast<std::uint64_t>(std::floor(std::ldexp(static_cast<double>(x), 32)));
            std::vector<std::uint32_t> expected(n);
            std::uint64_t rest = total_frequency;
            for (std::size_t i = 0; i < n; ++i) {
                const auto u = static_cast<std::uint64_t>(std::floor(std::ldexp(static_cast<double>(w[i]), 32)));
                expected[i] = 1 + static_cast<std::uint32_t>(u * (((16777216 - n) << 40) / sum) >> 40);
                rest -= expected[i];
            }
            *std::ranges::max_element(expected) += static_cast<std::uint32_t>(rest);
            wrong.compare(expected, frequencies_of(random_logits(n, deviation, n + 1)), "n = ", n, ", deviation ",
                          deviation);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("token_frequencies: cost less than n / 2^24 of the probability in bits") {
    support::Mismatch wrong;
    for (const std::size_t n : {16, 256, 4096}) {
        const auto logits = random_logits(n, 1, 7);
        const auto f = frequencies_of(logits);
        double sum = 0, entropy = 0, length = 0;
        for (const float l : logits) sum += std::exp(static_cast<double>(l));
        for (std::size_t i = 0; i < n; ++i) {
            const double p = std::exp(static_cast<double>(logits[i])) / sum;
            entropy -= p * std::log2(p);
            length -= p * std::log2(static_cast<double>(f[i]) / total_frequency);
        }
        wrong.require(length - entropy < 1.5 * static_cast<double>(n) / total_frequency + 1e-6, "n = ", n, ": entropy ",
                      entropy, ", length ", length);
    }
    CHECK(wrong.first() == "");
}

// The first value was found by two compilers with AVX2 and AVX-512, the second by g++ with SSE4.2, where e^x rounds
// products and sums one by one; another value means that files written elsewhere cannot be read.
TEST_CASE("token_frequencies: are the same in every program compiled with FMA, and have these bits without") {
    std::uint32_t sum = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed)
        for (const std::uint32_t f : frequencies_of(random_logits(256, 2, seed))) {
            const unsigned char bytes[]{static_cast<unsigned char>(f), static_cast<unsigned char>(f >> 8),
                                        static_cast<unsigned char>(f >> 16), static_cast<unsigned char>(f >> 24)};
            sum = crc32(bytes, sum);
        }
    CHECK(sum == (kernel::simd::has_fma ? 0x532D9B32u : 0xE99AD476u));
}

TEST_CASE("token_frequencies: minus infinity has a frequency of 1") {
    const float never = -std::numeric_limits<float>::infinity();
    CHECK(frequencies_of({never, 0, never}) == std::vector<std::uint32_t>{1, total_frequency - 2, 1});
    CHECK(frequencies_of({5, -200, 5}) == std::vector<std::uint32_t>{8388608, 1, 8388607});
}

TEST_CASE("token_frequencies: logits that are not finite and sizes that do not match are errors") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    for (const std::vector<float>& logits :
         {std::vector<float>{1, nan, 2}, {1, infinity, 2}, {-infinity, -infinity, -infinity}, {nan, infinity, 0}})
        CHECK(support::message<NumericError>([&] { static_cast<void>(frequencies_of(logits)); }) ==
              "token_frequencies: logits: expected finite numbers, got NaN or infinity");
    std::vector<float> three(3), none;
    std::vector<std::uint32_t> two(2), empty;
    CHECK(support::message<ArgumentError>([&] { token_frequencies(three, two); }) ==
          "token_frequencies: frequencies: expected 3, got 2");
    CHECK(support::message<ArgumentError>([&] { token_frequencies(none, empty); }) ==
          "token_frequencies: logits: expected 1 to 2^20, got 0");
}

}  // namespace token_frequencies_test
