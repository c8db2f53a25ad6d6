#include <tessera/core/view.hpp>

#include <doctest/doctest.h>

#include <array>
#include <concepts>

namespace ts = tessera;

TEST_CASE("View: v[n] is the n-th sample, with its length known at compile time") {
    std::array<float, 24> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
    const ts::View<float, ts::Shape<2, 3>> v{numbers.data(), 4};
    static_assert(decltype(v[0])::extent == 6);
    CHECK(v.batch() == 4);
    CHECK(v.size() == 4);  // what v[n] indexes
    CHECK(v.elements() == 24);
    CHECK(v[2].data() == numbers.data() + 12);
    CHECK(v[3][5] == 23.f);
    CHECK(v.span().size() == 24);
}

TEST_CASE("View: a slice refers to a range of samples in the same memory") {
    std::array<float, 24> numbers{};
    const ts::View<float, ts::Shape<6>> v{numbers.data(), 4};
    const auto s = v.slice(1, 2);
    CHECK(s.batch() == 2);
    CHECK(s.data() == numbers.data() + 6);
    s[1][0] = 7;
    CHECK(numbers[12] == 7.f);
}

TEST_CASE("View: converts to a view of const, but not back and not to another shape") {
    using V = ts::View<float, ts::Shape<6>>;
    using C = ts::View<const float, ts::Shape<6>>;
    static_assert(std::convertible_to<V, C> && !std::convertible_to<C, V>);
    static_assert(!std::convertible_to<V, ts::View<float, ts::Shape<2, 3>>>);
    static_assert(!std::convertible_to<V, ts::View<double, ts::Shape<6>>>);
    const C empty{};
    CHECK(empty.batch() == 0);
    CHECK(empty.data() == nullptr);
}
