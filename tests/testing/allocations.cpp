#include <tessera/testing/allocations.hpp>

#include <doctest/doctest.h>
#include <tessera/core/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

using tessera::testing::allocations;

namespace {

// How many calls f makes.
template <class F>
std::size_t counted(F&& f) {
    const std::size_t before = allocations();
    f();
    return allocations() - before;
}

}  // namespace

TEST_CASE("allocations: every form of operator new is counted once, and none of operator delete") {
    constexpr std::align_val_t aligned{128};
    CHECK(counted([] { ::operator delete(::operator new(3)); }) == 1);
    CHECK(counted([] { ::operator delete[](::operator new[](3)); }) == 1);
    CHECK(counted([] { ::operator delete(::operator new(3, aligned), aligned); }) == 1);
    CHECK(counted([] { ::operator delete[](::operator new[](3, aligned), aligned); }) == 1);
    CHECK(counted([] { ::operator delete(::operator new(3, std::nothrow), std::nothrow); }) == 1);
    CHECK(counted([] { ::operator delete[](::operator new[](3, std::nothrow), std::nothrow); }) == 1);
    CHECK(counted([] { ::operator delete(::operator new(3, aligned, std::nothrow), aligned, std::nothrow); }) == 1);
    CHECK(counted([] { ::operator delete[](::operator new[](3, aligned, std::nothrow), aligned, std::nothrow); }) == 1);
}

TEST_CASE("allocations: the memory has its alignment, also where the size is 0 or smaller") {
    for (const std::size_t alignment : {std::size_t{16}, std::size_t{64}, std::size_t{4096}})
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, alignment + 1}) {
            void* const p = ::operator new (size, std::align_val_t{alignment});
            CHECK(reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
            ::operator delete (p, std::align_val_t{alignment});
        }
}

TEST_CASE("allocations: without memory the call throws bad_alloc, or gives a null pointer") {
    const volatile std::size_t most = SIZE_MAX / 2;
    CHECK_THROWS_AS(::operator delete(::operator new(most)), std::bad_alloc);
    CHECK(::operator new(most, std::nothrow) == nullptr);
    CHECK(::operator new (most, std::align_val_t{64}, std::nothrow) == nullptr);
}

TEST_CASE("allocations: a Buffer of the library, which is aligned, is counted") {
    CHECK(counted([] { tessera::Buffer<float>(100).resize(200); }) == 2);
}
