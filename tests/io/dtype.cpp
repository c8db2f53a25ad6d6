#include <tessera/io/dtype.hpp>

#include <doctest/doctest.h>

using namespace tessera::io;

static_assert(info(dtype_of<float>).name == "F32" && info(dtype_of<double>).name == "F64");
static_assert(info(dtype_of<std::uint16_t>).name == "U16" && info(dtype_of<std::int64_t>).name == "I64");
static_assert(dtype_named("BF16") == Dtype::bf16 && dtype_named("C64") == Dtype::c64);
static_assert(!dtype_named("f32") && !dtype_named("F9") && !dtype_named(""));

template <class... T>
constexpr bool sizes_agree = ((info(dtype_of<T>).bits == 8 * sizeof(T)) && ...);

TEST_CASE("Dtype: dtype_named finds every name, and sizes match the C++ types") {
    for (std::size_t i = 0; i < dtypes.size(); ++i) CHECK(dtype_named(dtypes[i].name) == static_cast<Dtype>(i));
    CHECK(sizes_agree<float, double, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int32_t,
                      std::int64_t>);
}
