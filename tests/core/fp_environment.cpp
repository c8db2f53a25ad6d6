#include <tessera/core/fp_environment.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

using tessera::FlushDenormals;
using tessera::with_fp_environment;

#if defined(__SSE2__) || defined(__aarch64__)

namespace {
#if defined(__SSE2__)
using Word = unsigned;
Word control() { return _mm_getcsr() & 0xFFC0u; }  // without the sticky exception flags
void set_control(Word word) { _mm_setcsr(word); }
constexpr Word flushing = 0x9FC0u, down = 0x2000u, up = 0x4000u, towards_zero = 0x6000u;
Word with_traps(Word word) { return word & ~0x1F80u; }
#else
using Word = std::uint64_t;
Word control() {
    Word word = 0;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
}
void set_control(Word word) { asm volatile("msr fpcr, %0" : : "r"(word)); }
constexpr Word flushing = 1u << 24, down = 2u << 22, up = 1u << 22, towards_zero = 3u << 22;
Word with_traps(Word word) { return word | 0x9F00u; }  // most processors have none, and keep these bits zero
#endif
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
    const Word before = control();
    {
        const FlushDenormals outer;
        const bool flushes = control() == flushing;
        CHECK(flushes);
        { const FlushDenormals inner; }
        CHECK(control() == flushing);
    }
    CHECK(control() == before);
    try {
        const FlushDenormals guard;
        throw std::runtime_error("out");
    } catch (const std::runtime_error&) {
    }
    CHECK(control() == before);
}

TEST_CASE("FlushDenormals: rounds to nearest without traps while it lives, then restores the host's mode") {
    const auto third = [] {
        volatile float one = 1, three = 3;
        return one / three;
    };
    const float nearest = third();
    const Word before = control();
    for (const Word set : {down, up, towards_zero}) {
        set_control(before | set);
        const Word host = control();
        float inside = 0;
        {
            const FlushDenormals guard;
            inside = third();
        }
        const Word after = control();
        set_control(before);
        CHECK(after == host);
        CHECK(inside == nearest);
    }
    float trapped = 0;
    set_control(with_traps(before));  // every floating-point exception traps
    {
        const FlushDenormals guard;
        trapped = third();
    }
    set_control(before);
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
    const Word before = control();
    for (const Word set : {down, up, towards_zero}) {
        set_control(before | set);
        const double host = mean(), inside = with_fp_environment(mean);
        set_control(before);
        CHECK(inside == nearest);
        CHECK((host != nearest || set == up));  // the mode makes a difference here
    }
    std::size_t calls = 0;
    with_fp_environment([&] { ++calls; });
    CHECK_THROWS_AS(with_fp_environment([] { throw std::runtime_error("x"); }), std::runtime_error);
    CHECK(calls == 1);
    CHECK(control() == before);
}

#endif
