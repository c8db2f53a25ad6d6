#include <tessera/core/fp_environment.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

using tessera::FlushDenormals;
using tessera::with_fp_environment;

#if defined(__SSE2__)

namespace {
float half_of_smallest_normal() {
    volatile float x = std::numeric_limits<float>::min();
    volatile float half = 0.5f;
    return x * half;
}
float twice_a_denormal() {
    volatile float x = std::numeric_limits<float>::denorm_min();
    volatile float large = 1e30f;
    return x * large;
}
unsigned mode() { return _mm_getcsr() & 0xFFC0u; }  // without the sticky exception flags
}  // namespace

TEST_CASE("FlushDenormals: denormal operands and results are zero while it lives") {
    CHECK(half_of_smallest_normal() > 0);
    CHECK(twice_a_denormal() > 0);
    {
        const FlushDenormals guard;
        const float result = half_of_smallest_normal(), operand = twice_a_denormal();
        CHECK(result == 0);
        CHECK(operand == 0);
    }
    CHECK(half_of_smallest_normal() > 0);
    CHECK(twice_a_denormal() > 0);
}

TEST_CASE("FlushDenormals: restores the previous mode, also when nested and on an exception") {
    const unsigned before = mode();
    {
        const FlushDenormals outer;
        const unsigned flushing = mode();
        CHECK(flushing == 0x9FC0u);
        { const FlushDenormals inner; }
        CHECK(mode() == flushing);
    }
    CHECK(mode() == before);
    try {
        const FlushDenormals guard;
        throw std::runtime_error("out");
    } catch (const std::runtime_error&) {
    }
    CHECK(mode() == before);
}

TEST_CASE("FlushDenormals: rounds to nearest without traps while it lives, then restores the host's mode") {
    const auto third = [] {
        volatile float one = 1, three = 3;
        return one / three;
    };
    const float nearest = third();
    const unsigned before = _mm_getcsr();
    for (const unsigned set : {0x2000u, 0x4000u, 0x6000u}) {  // down, up, towards zero
        _mm_setcsr(before | set);
        const unsigned host = mode();
        float inside = 0;
        {
            const FlushDenormals guard;
            inside = third();
        }
        const unsigned after = mode();
        _mm_setcsr(before);
        CHECK(after == host);
        CHECK(inside == nearest);
    }
    float trapped = 0;
    _mm_setcsr(before & ~0x1F80u);  // every floating-point exception traps
    {
        const FlushDenormals guard;
        trapped = third();
    }
    _mm_setcsr(before);
    CHECK(trapped == nearest);
}

TEST_CASE("with_fp_environment: the result is rounded inside it, even if the compiler sees the whole computation") {
    const std::vector<double> terms(10, 0.1), count(1, 30);
    const auto mean = [&] {
        double sum = 0;
        for (const double term : terms) sum += term;
        return sum / count[0];
    };
    const double nearest = mean();
    const unsigned before = _mm_getcsr();
    for (const unsigned set : {0x2000u, 0x4000u, 0x6000u}) {  // down, up, towards zero
        _mm_setcsr(before | set);
        const double host = mean(), inside = with_fp_environment(mean);
        _mm_setcsr(before);
        CHECK(inside == nearest);
        CHECK((host != nearest || set == 0x4000u));  // the mode makes a difference here
    }
    std::size_t calls = 0;
    with_fp_environment([&] { ++calls; });
    CHECK_THROWS_AS(with_fp_environment([] { throw std::runtime_error("x"); }), std::runtime_error);
    CHECK(calls == 1);
    CHECK(mode() == (before & 0xFFC0u));
}

#endif
