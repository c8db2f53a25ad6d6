#include <tessera/core/param_path.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory_resource>
#include <string>
#include <string_view>
#include <type_traits>

namespace ts = tessera;

namespace {

struct Nothing {
    void operator()(const ts::ParamPath&) const {}
};
template <class Name>
concept MayPrefix = requires(const Nothing& f, Name (*name)()) {
    ts::with_prefix(name(), f);
};

}  // namespace

TEST_CASE("ParamPath: a single name") {
    const ts::ParamPath path{"weight"};
    CHECK(path.str() == "weight");
    CHECK(path.leaf() == "weight");
    CHECK(path.inner() == nullptr);
}

TEST_CASE("ParamPath: names and indices are joined by dots, outermost first") {
    const ts::ParamPath weight{"weight"}, third{std::size_t{3}, weight}, zeroth{std::size_t{0}, third};
    const ts::ParamPath path{"encoder", &zeroth};
    CHECK(path.str() == "encoder.0.3.weight");
    CHECK(path.leaf() == "weight");
}

TEST_CASE("ParamPath: is() compares as str() does, without making the string") {
    const ts::ParamPath leaf{"step.log"}, tenth{std::size_t{10}, leaf}, path{"encoder", &tenth};
    CHECK(path.str() == "encoder.10.step.log");
    CHECK(path.is("encoder.10.step.log"));
    for (const char* other : {"", "encoder", "encoder.", "encoder.10", "encoder.10.", "encoder.1.step.log",
                              "encoder.010.step.log", "encoder..step.log", "encoder.10.step", "encoder.10.step.log.",
                              "encoder.10.step.lo", "decoder.10.step.log", "encoder.110.step.log"}) {
        INFO(other);
        CHECK_FALSE(path.is(other));
    }
    const ts::ParamPath weight{"weight"}, zeroth{std::size_t{0}, weight}, dotted{"a.b", &zeroth};
    CHECK(zeroth.is("0.weight"));
    CHECK_FALSE(zeroth.is("00.weight"));
    CHECK_FALSE(zeroth.is(".weight"));
    CHECK(dotted.is("a.b.0.weight"));
    CHECK_FALSE(dotted.is("a.0.weight"));
}

TEST_CASE("ParamPath: with_prefix() prepends a segment to every path and forwards the leaves") {
    std::string names;
    int sum = 0;
    auto visit = [&](const ts::ParamPath& path, auto&... leaf) {
        names += path.str() + ' ';
        ((sum += leaf), ...);
    };
    auto decoder = ts::with_prefix("decoder", visit);
    auto twelfth = ts::with_prefix(std::size_t{12}, decoder);
    int a = 1, b = 2;
    twelfth(ts::ParamPath{"weight"}, a, b);
    twelfth(ts::ParamPath{"bias"}, a);
    CHECK(names == "decoder.12.weight decoder.12.bias ");
    CHECK(sum == 4);
}

TEST_CASE("ParamPath: the type of a visitor with prefixes does not grow with the depth, also behind a wrapper") {
    std::string names;
    const auto visit = [&](const ts::ParamPath& path, auto&...) { names += path.str() + ' '; };
    const std::string name = "encoder";
    const auto encoder = ts::with_prefix(std::string_view{name}, visit);
    const auto third = ts::with_prefix(3, encoder);
    auto inner = ts::with_prefix("to", third);
    static_assert(std::is_same_v<decltype(third), decltype(encoder)>);
    static_assert(std::is_same_v<decltype(inner), std::remove_const_t<decltype(encoder)>>);
    const auto fourth = ts::with_prefix(std::integral_constant<std::size_t, 4>{}, encoder);
    static_assert(std::is_same_v<decltype(fourth), decltype(encoder)>);
    inner("weight");
    encoder("bias");
    fourth("bias");

    const auto only_weights = [&](const ts::ParamPath& path, auto&... leaf) {
        if (path.leaf() == "weight") inner(path, leaf...);
    };
    const auto wrapped = ts::with_prefix("proj", only_weights);
    wrapped("weight");
    wrapped("bias");
    CHECK(names == "encoder.3.to.weight encoder.bias encoder.4.bias encoder.3.to.proj.weight ");
}

TEST_CASE("ParamPath: a prefix is a string that outlives the call, or an index") {
    static_assert(MayPrefix<const char*> && MayPrefix<std::string_view> && MayPrefix<const std::string&>);
    static_assert(MayPrefix<int> && MayPrefix<std::size_t> && MayPrefix<const char(&)[4]>);
    static_assert(!MayPrefix<std::string> && !MayPrefix<const std::string> && !MayPrefix<std::pmr::string>);
}
