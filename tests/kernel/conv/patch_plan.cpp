#include <tessera/kernel/conv/patch_plan.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/windows.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

using support::sized;
namespace kernel = tessera::kernel;
using kernel::PatchPlan;
using kernel::PatchSize;

namespace {

/// 0, 1, ..., count - 1.
std::vector<std::size_t> up_to(std::size_t count) {
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
}

// (pixel of the large map, position in the window, pixel of the small map)
using Triple = std::tuple<std::int32_t, std::int32_t, std::int32_t>;

const std::vector<PatchSize> windows_planned{
    sized(8, 6, 4, 2, 1), sized(5, 7, 3, 1, 1), sized(5, 4, 1, 2, 0), sized(9, 6, 3, 3, 0), sized(7, 8, 2, 3, 0),
    sized(6, 5, 3, 2, 1), sized(7, 7, 5, 2, 2), sized(4, 4, 4, 4, 3), sized(1, 1, 1, 1, 0), sized(3, 2, 3, 1, 2)};

// The definition: o stride + t - pad = i, all inside.
std::vector<Triple> definition(const PatchSize& s) {
    std::vector<Triple> all;
    for (std::size_t oy = 0; oy < s.out_height; ++oy)
        for (std::size_t ox = 0; ox < s.out_width; ++ox)
            for (std::size_t ty = 0; ty < s.size; ++ty)
                for (std::size_t tx = 0; tx < s.size; ++tx) {
                    const auto y = static_cast<std::int32_t>(oy * s.stride + ty) - static_cast<std::int32_t>(s.pad);
                    const auto x = static_cast<std::int32_t>(ox * s.stride + tx) - static_cast<std::int32_t>(s.pad);
                    const auto h = static_cast<std::int32_t>(s.height), w = static_cast<std::int32_t>(s.width);
                    if (y >= 0 && x >= 0 && y < h && x < w)
                        all.emplace_back(y * w + x, static_cast<std::int32_t>(ty * s.size + tx),
                                         static_cast<std::int32_t>(oy * s.out_width + ox));
                }
    std::ranges::sort(all);
    return all;
}
// Every pixel is in one group, in order, and a group's taps are those that one of its pixels has.
std::string wrong_group(const PatchPlan& plan) {
    std::vector<std::int32_t> pixels;
    support::Mismatch wrong;
    std::size_t number = 0;
    for (const kernel::PatchGroup& group : plan.groups) {
        pixels.insert(pixels.end(), group.pixels.begin(), group.pixels.end());
        wrong.require(!group.pixels.empty() && std::ranges::is_sorted(group.pixels), "pixels, sorted, group ", number);
        wrong.require(std::ranges::is_sorted(group.taps), "taps, sorted, group ", number);
        for (std::int32_t tap = 0; tap < static_cast<std::int32_t>(plan.taps); ++tap)
            wrong.compare(
                std::ranges::any_of(
                    group.pixels,
                    [&](std::int32_t p) {
                        return plan.in[static_cast<std::size_t>(p) * plan.taps + static_cast<std::size_t>(tap)] >= 0;
                    })
                    ? 1
                    : 0,
                std::ranges::count(group.taps, tap), "tap ", tap, " of group ", number);
        ++number;
    }
    std::ranges::sort(pixels);
    wrong.compare(up_to(plan.pixels), pixels, "pixels of all groups");
    return wrong.first();
}
// What a plan connects: in, window, out; `scatter` plans go from the small map to the large one.
void connections(const PatchPlan& plan, bool scatter, std::vector<Triple>& all) {
    for (std::size_t p = 0; p < plan.pixels; ++p)
        for (std::size_t t = 0; t < plan.taps; ++t)
            if (const std::int32_t in = plan.in[p * plan.taps + t]; in >= 0)
                all.emplace_back(scatter ? plan.out[p] : in, plan.window[t], scatter ? in : plan.out[p]);
}

}  // namespace

TEST_CASE("gather_plan: each output pixel reads the pixels of the formula, the taps in the order of the window") {
    for (const PatchSize& s : windows_planned) {
        const PatchPlan plan = kernel::gather_plan(s);
        std::vector<Triple> all;
        connections(plan, false, all);
        std::ranges::sort(all);
        CHECK(all == definition(s));
        CHECK(plan.taps == s.size * s.size);
        CHECK(plan.pixels == s.out_height * s.out_width);
        CHECK(plan.in.size() == plan.pixels * plan.taps);
        CHECK(std::ranges::is_sorted(plan.window));
        CHECK(std::ranges::is_sorted(plan.out));
        CHECK(wrong_group(plan) == "");
    }
}

TEST_CASE("scatter_plans: the same connections backwards, and every pixel of the large map in one class") {
    for (const PatchSize& s : windows_planned) {
        std::vector<Triple> all;
        std::vector<std::int32_t> pixels;
        for (const PatchPlan& plan : kernel::scatter_plans(s)) {
            connections(plan, true, all);
            pixels.insert(pixels.end(), plan.out.begin(), plan.out.end());
            CHECK(plan.in.size() == plan.pixels * plan.taps);
            CHECK(plan.window.size() == plan.taps);
            CHECK(wrong_group(plan) == "");
        }
        std::ranges::sort(all);
        CHECK(all == definition(s));
        std::ranges::sort(pixels);
        CHECK(support::first_difference(up_to(s.height * s.width), pixels) == "");
    }
}

TEST_CASE("scatter_plans: 4 x 4 at stride 2 is four classes of 2 x 2 taps, and inside the map no tap is wasted") {
    const auto plans = kernel::scatter_plans(sized(16, 16, 4, 2, 1));
    REQUIRE(plans.size() == 4);
    for (const PatchPlan& plan : plans) {
        CHECK(plan.taps == 4);
        CHECK(plan.pixels == 64);
        CHECK(std::ranges::count(plan.in, -1) == 31);  // one row and one column of the class touch the border
    }
}

TEST_CASE("gather_plan: 3 x 3 on 7 x 7 is five groups, which leave out 72 of the 80 products with zeros") {
    const PatchPlan plan = kernel::gather_plan(sized(7, 7, 3, 1, 1));
    std::vector<std::size_t> pixels, taps;
    std::size_t products = 0;
    for (const kernel::PatchGroup& group : plan.groups) {
        pixels.push_back(group.pixels.size());
        taps.push_back(group.taps.size());
        products += pixels.back() * taps.back();
    }
    CHECK(pixels == std::vector<std::size_t>{7, 5, 25, 5, 7});
    CHECK(taps == std::vector<std::size_t>{6, 6, 9, 6, 6});
    CHECK(std::ranges::count(plan.in, -1) == 80);
    CHECK(products == 9 * 49 - 72);
}

TEST_CASE("scatter_plans: pixels that no window covers are a class without taps") {
    std::size_t uncovered = 0;
    for (const PatchPlan& plan : kernel::scatter_plans(sized(5, 4, 1, 2, 0)))
        if (plan.taps == 0) uncovered += plan.pixels;
    CHECK(uncovered == 5 * 4 - 3 * 2);
}
