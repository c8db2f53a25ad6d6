#include <tessera/core/param.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace ts = tessera;

namespace {

struct TwoRoles {
    tessera::Param<float, tessera::Shape<2>> a, b;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("a", p.a...);
        f("b", p.b...);
    }
};

struct Pair {
    ts::Param<float, ts::Shape<3, 4>> weight;
    ts::Param<float, ts::Shape<4>> bias;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
        f("bias", p.bias...);
    }
};

}  // namespace

TEST_CASE("Param: is zero-initialised, aligned and has the size of its shape") {
    ts::Param<float, ts::Shape<3, 5>> p;
    CHECK(p.span().size() == 15);
    CHECK(reinterpret_cast<std::uintptr_t>(p.data()) % 64 == 0);
    CHECK(p[14] == 0.f);
    p.fill(2);
    CHECK(p[0] + p[14] == 4.f);
}

TEST_CASE("Param: without Axes the outer order is the order in memory") {
    using P = ts::Param<float, ts::Shape<3, 5>>;
    static_assert(P::file_dims() == std::array<std::size_t, 2>{3, 5});
    static_assert(P::from_file_index(0) == 0 && P::from_file_index(14) == 14);
    CHECK(P::from_file_index(7) == 7);
}

TEST_CASE("Param: a Linear's [in, out] is seen as PyTorch's [out, in]") {
    using P = ts::Param<float, ts::Shape<3, 5>, ts::Axes<1, 0>>;
    static_assert(P::file_dims() == std::array<std::size_t, 2>{5, 3});
    std::size_t wrong = 0;
    for (std::size_t out = 0; out < 5; ++out)
        for (std::size_t in = 0; in < 3; ++in) wrong += P::from_file_index(out * 3 + in) != in * 5 + out;
    CHECK(wrong == 0);
}

TEST_CASE("Param: a convolution's [kh, kw, in, out] is seen as PyTorch's OIHW") {
    constexpr std::size_t height = 2, width = 3, in = 5, out = 7;
    using P = ts::Param<float, ts::Shape<height, width, in, out>, ts::Axes<3, 2, 0, 1>>;
    static_assert(P::file_dims() == std::array<std::size_t, 4>{out, in, height, width});
    std::size_t wrong = 0;
    for (std::size_t o = 0; o < out; ++o)
        for (std::size_t i = 0; i < in; ++i)
            for (std::size_t h = 0; h < height; ++h)
                for (std::size_t w = 0; w < width; ++w)
                    wrong += P::from_file_index(((o * in + i) * height + h) * width + w) !=
                             ((h * width + w) * in + i) * out + o;
    CHECK(wrong == 0);
}

TEST_CASE("Param: from_file_index() is a permutation of the elements") {
    using P = ts::Param<float, ts::Shape<2, 3, 4>, ts::Axes<2, 0, 1>>;
    std::set<std::size_t> seen;
    for (std::size_t i = 0; i < 24; ++i) seen.insert(P::from_file_index(i));
    CHECK(seen.size() == 24);
    CHECK(*seen.rbegin() == 23);
}

TEST_CASE("Parameters: each() visits any number of sets together, const or not") {
    static_assert(ts::Parameters<Pair> && ts::Parameters<ts::Empty> && !ts::Parameters<int>);
    Pair a, b;
    b.weight.fill(2);
    const Pair c = b;
    std::vector<std::string> names;
    Pair::each(
        [&](const ts::ParamPath& path, auto& x, auto& y, const auto& z) {
            names.push_back(path.str());
            for (std::size_t i = 0; i < x.span().size(); ++i) x[i] = y[i] + z[i];
        },
        a, b, c);
    CHECK(names == std::vector<std::string>{"weight", "bias"});
    CHECK(a.weight[11] == 4.f);
    CHECK(a.bias[3] == 0.f);
}

TEST_CASE("Parameters: can be counted, set to zero and copied by value") {
    Pair a;
    CHECK(ts::parameter_count(a) == 16);
    CHECK(ts::parameter_count(ts::Empty{}) == 0);
    a.weight.fill(1);
    const Pair snapshot = a;
    ts::set_zero(a);
    CHECK(a.weight[5] == 0.f);
    CHECK(snapshot.weight[5] == 1.f);
}

TEST_CASE("Param: access after a move throws StateError") {
    tessera::Param<float, tessera::Shape<3>> from;
    auto to = std::move(from);
    CHECK(to.span().size() == 3);
    CHECK_THROWS_WITH_AS(static_cast<void>(from.span()), "Param: used after it was moved from: expected 3, got 0",
                         tessera::StateError);
}

TEST_CASE("Param: roles are copied with the values, and change_role changes those that match") {
    TwoRoles p;
    CHECK(p.a.role() == tessera::Role::none);
    p.a.set_role(tessera::Role::output);
    p.b.set_role(tessera::Role::bias);
    TwoRoles copy = p;
    CHECK(copy.a.role() == tessera::Role::output);
    tessera::change_role(copy, tessera::Role::output, tessera::Role::residual);
    CHECK(copy.a.role() == tessera::Role::residual);
    CHECK(copy.b.role() == tessera::Role::bias);
    CHECK(p.a.role() == tessera::Role::output);
}
