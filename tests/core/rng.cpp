#include <tessera/core/rng.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace ts = tessera;
using Block = std::array<std::uint32_t, 4>;

TEST_CASE("Philox: matches the known-answer tests of Random123") {
    static_assert(ts::philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    constexpr std::uint32_t ones = 0xffffffff;
    static_assert(ts::philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
                  Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    const Block pi = ts::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
    CHECK(pi == Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("Rng: the numbers of the root, a stream and a nested stream are pinned") {
    const auto first = [](ts::Rng rng) { return Block{rng.bits(), rng.bits(), rng.bits(), rng.bits()}; };
    const ts::Rng root{42};
    CHECK(first(root) == Block{0xfcdb2127, 0x53ba6cfd, 0x838f5a6e, 0x744e06fb});
    CHECK(first(root.split(7)) == Block{0xc6d2c0bf, 0xeaa8ec1d, 0x3b4d8a66, 0xc8c246cf});
    CHECK(first(root.split(7).split(1)) == Block{0x2498efe8, 0xdf3a31da, 0xab956e63, 0x9f0c382a});
}

TEST_CASE("Rng: after four numbers the next block has the next counter") {
    ts::Rng rng{42};
    for (int i = 0; i < 4; ++i) rng.bits();
    const Block second = ts::philox4x32({2, 0, 0, 0}, {42, 0});
    CHECK(rng.bits() == second[0]);
    CHECK(rng.bits() == second[1]);
    CHECK(rng.position() == 6);
}

TEST_CASE("Rng: split(i) gives the same stream, whatever was drawn before") {
    ts::Rng rng{5};
    ts::Rng before = rng.split(3);
    for (int i = 0; i < 7; ++i) rng.bits();
    ts::Rng after = rng.split(3);
    CHECK(before.bits() == after.bits());
    CHECK(rng.position() == 7);
}

TEST_CASE("Rng: different streams, seeds and forks give different numbers") {
    std::set<std::uint64_t> seen;
    std::size_t made = 0;
    const auto add = [&](ts::Rng rng) {
        seen.insert(std::uint64_t{rng.bits()} << 32 | rng.bits());
        ++made;
    };
    for (std::uint64_t i = 0; i < 1000; ++i) {
        add(ts::Rng{i});
        add(ts::Rng{1}.split(i));
        add(ts::Rng{1}.split(i << 32));
        add(ts::Rng{1}.split(2).split(i));
    }
    ts::Rng parent{77};
    for (int i = 0; i < 1000; ++i) add(parent.fork());
    CHECK(seen.size() == made - 1);  // split(0) and split(0 << 32) are the same stream
}

TEST_CASE("Rng: two neighbouring streams are uncorrelated") {
    ts::Rng a = ts::Rng{9}.split(0), b = ts::Rng{9}.split(1);
    const int n = 100000;
    double product = 0;
    for (int i = 0; i < n; ++i) product += (a.uniform_double() - 0.5) * (b.uniform_double() - 0.5);
    CHECK(std::abs(product / n * 12) < 4 / std::sqrt(double{n}));
}

TEST_CASE("Rng: uniform lies in [0, 1), on multiples of 2^-24, with the right mean and variance") {
    ts::Rng rng{3};
    const int n = 200000;
    double sum = 0, squares = 0, smallest = 1, largest = 0, off_grid = 0;
    for (int i = 0; i < n; ++i) {
        const double x = static_cast<double>(rng.uniform());
        sum += x;
        squares += x * x;
        smallest = std::min(smallest, x);
        largest = std::max(largest, x);
        off_grid += std::fmod(x * 0x1p24, 1.0);
    }
    CHECK(smallest >= 0);
    CHECK(largest < 1);
    CHECK(off_grid == 0);
    CHECK(std::abs(sum / n - 0.5) < 0.003);
    CHECK(std::abs(squares / n - 1.0 / 3) < 0.003);
    CHECK(std::abs(ts::Rng{1}.uniform(-2.f, -1.f) + 1.5f) <= 0.5f);
}

TEST_CASE("Rng: below(10) passes a chi-square test") {
    ts::Rng rng{11};
    std::array<int, 10> count{};
    const int n = 100000;
    for (int i = 0; i < n; ++i) ++count.at(rng.below(10));
    double chi = 0;
    for (int c : count) chi += (c - n / 10.0) * (c - n / 10.0) / (n / 10.0);
    CHECK(chi < 27.9);  // 9 degrees of freedom: exceeded by one seed in a thousand
}

TEST_CASE("Rng: below(n) is unbiased where 2^32 is not a multiple of n") {
    // Without the rejection the counts of the three results would be 2 : 1 : 1.
    ts::Rng rng{12};
    std::array<int, 3> count{};
    const int n = 60000;
    for (int i = 0; i < n; ++i) ++count[rng.below(0xC0000000u) % 3];
    double chi = 0;
    for (int c : count) chi += (c - n / 3.0) * (c - n / 3.0) / (n / 3.0);
    CHECK(chi < 13.8);
    CHECK(ts::Rng{4}.below(1) == 0);
}

TEST_CASE("Rng: normal() has the moments of a standard normal distribution") {
    ts::Rng rng{8};
    const int n = 200000;
    double sum = 0, squares = 0, cubes = 0, fourths = 0;
    int outside = 0;
    for (int i = 0; i < n; ++i) {
        const double x = static_cast<double>(rng.normal());
        sum += x;
        squares += x * x;
        cubes += x * x * x;
        fourths += x * x * x * x;
        outside += std::abs(x) > 1.959964;
    }
    CHECK(std::abs(sum / n) < 0.01);
    CHECK(std::abs(squares / n - 1) < 0.015);
    CHECK(std::abs(cubes / n) < 0.03);
    CHECK(std::abs(fourths / n - 3) < 0.1);
    CHECK(std::abs(outside / double{n} - 0.05) < 0.002);
    CHECK(ts::Rng{8}.normal(10, 0.5f) == doctest::Approx(10 + 0.5 * static_cast<double>(ts::Rng{8}.normal())));
}

namespace {
/// Copies each leaf from one generator into another, as saving and loading do.
void carry(const ts::Rng& from, ts::Rng& to) {
    std::vector<std::uint64_t> numbers;
    std::vector<std::string> names;
    ts::Rng::each_state(
        [&](const ts::ParamPath& path, const auto& leaf) {
            names.push_back(path.str());
            numbers.push_back(leaf[0]);
        },
        from);
    CHECK(names == std::vector<std::string>{"rng.seed", "rng.stream", "rng.position"});
    std::size_t next = 0;
    ts::Rng::each_state([&](const ts::ParamPath&, auto& leaf) { leaf[0] = numbers[next++]; }, to);
}
}  // namespace

TEST_CASE("Rng: its state can be loaded into another generator, at any position within a block") {
    for (int drawn = 0; drawn < 9; ++drawn) {
        CAPTURE(drawn);
        ts::Rng from = ts::Rng{5}.split(3), to{6};
        to.bits();  // so that `to` has a cached block
        for (int i = 0; i < drawn; ++i) from.bits();
        carry(from, to);
        for (int i = 0; i < 6; ++i) CHECK(to.bits() == from.bits());
        CHECK((to.fork().bits() == from.fork().bits() && to.seed() == 5 && to.position() == from.position()));
    }
}
