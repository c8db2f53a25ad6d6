#include <tessera/core/buffer.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>

#include <cstdint>
#include <new>

namespace ts = tessera;

TEST_CASE_TEMPLATE("Buffer: is aligned to 64 bytes, whatever its length", T, std::uint8_t, float, double) {
    support::Mismatch wrong;
    for (std::size_t n : {1u, 7u, 8u, 9u, 31u, 33u, 1000u}) {
        const ts::Buffer<T> a(n), b(n);
        wrong.compare(0, reinterpret_cast<std::uintptr_t>(a.data()) % 64, "address % 64, n = ", n);
        wrong.compare(0, reinterpret_cast<std::uintptr_t>(b.data()) % 64, "address of the second % 64, n = ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("Buffer: is zero-initialised and copied by value") {
    ts::Buffer<float> a(5);
    CHECK(a == ts::Buffer<float>{0, 0, 0, 0, 0});
    ts::Buffer<float> b = a;
    b[2] = 3;
    CHECK(a[2] == 0);
    CHECK(b[2] == 3);
}

TEST_CASE("Buffer: a length whose bytes do not fit std::size_t throws bad_array_new_length") {
    ts::CacheLineAllocator<double> allocator;
    CHECK_THROWS_AS(allocator.allocate(static_cast<std::size_t>(-1) / 4), std::bad_array_new_length);
}
