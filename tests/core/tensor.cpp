#include <tessera/core/tensor.hpp>

#include <doctest/doctest.h>

#include <cstdint>

namespace ts = tessera;
using Image = ts::Shape<3, 5, 2>;

TEST_CASE("Tensor: is zero-initialised and aligned to 64 bytes") {
    const ts::Tensor<float, Image> t(3);
    CHECK(t.batch() == 3);
    CHECK(t.span().size() == 90);
    CHECK(reinterpret_cast<std::uintptr_t>(t.data()) % 64 == 0);
    float sum = 0;
    for (float x : t.span()) sum += x;
    CHECK(sum == 0.f);
}

TEST_CASE("Tensor: resize() never releases memory") {
    ts::Tensor<float, Image> t(8);
    t[7][29] = 5;
    const float* before = t.data();
    t.resize(2);
    CHECK(t.batch() == 2);
    CHECK(t.span().size() == 60);
    CHECK(t.data() == before);
    t.resize(8);
    CHECK(t.data() == before);
    CHECK(t[7][29] == 5.f);
    t.resize(9);
    CHECK(t.batch() == 9);
    CHECK(t[7][29] == 5.f);
}

TEST_CASE("Tensor: is copied by value, and converts to a view of its memory") {
    ts::Tensor<float, Image> a(2);
    ts::Tensor<float, Image> b = a;
    b[1][0] = 4;
    CHECK(a[1][0] == 0.f);
    const ts::View<float, Image> v = b;
    CHECK(v.data() == b.data());
    const ts::View<const float, Image> c = static_cast<const ts::Tensor<float, Image>&>(b);
    CHECK(c[1][0] == 4.f);
    CHECK(ts::Tensor<float, Image>{}.batch() == 0);
}

TEST_CASE("Tensor: is empty after it was moved from") {
    tessera::Tensor<float, tessera::Shape<2, 3>> from{4};
    auto to = std::move(from);
    CHECK(to.batch() == 4);
    CHECK((from.batch() == 0 && from.span().empty()));
    from.resize(2);
    CHECK(from.span().size() == 12);
}
