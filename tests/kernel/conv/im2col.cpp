#include <tessera/kernel/conv/im2col.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace kernel = tessera::kernel;

TEST_CASE_TEMPLATE("im2col: a row is the window of its pixel, zeros outside the map, wherever a block begins", T, float,
                   double) {
    support::Mismatch wrong;
    // the last two: a window that is wider than the map, and one of which whole lines are outside
    for (const std::size_t channels : {1u, 3u, 9u})
        for (const kernel::PatchSize& s :
             {kernel::PatchSize{6, 5, 3, 2, 4, 2, 1}, kernel::PatchSize{4, 3, 4, 3, 3, 1, 1},
              kernel::PatchSize{5, 9, 5, 9, 1, 1, 0}, kernel::PatchSize{7, 8, 3, 3, 2, 3, 1},
              kernel::PatchSize{6, 5, 6, 5, 1, 1, 0}, kernel::PatchSize{6, 5, 3, 2, 2, 2, 0},
              kernel::PatchSize{2, 2, 3, 3, 4, 1, 2}, kernel::PatchSize{3, 4, 3, 4, 5, 2, 4}}) {
            constexpr std::size_t batch = 3;
            const kernel::PatchPlan plan = kernel::gather_plan(s);
            const std::size_t pixels = s.height * s.width, width = plan.taps * channels, rows = batch * plan.pixels;
            const auto x = support::numbers<T>(batch * pixels * channels, channels);
            std::vector<T> expected;
            for (std::size_t m = 0; m < rows; ++m)
                for (std::size_t t = 0; t < plan.taps; ++t)
                    for (std::size_t c = 0; c < channels; ++c) {
                        const auto o = m % plan.pixels;
                        const long y =
                            static_cast<long>(o / s.out_width * s.stride + t / s.size) - static_cast<long>(s.pad);
                        const long left =
                            static_cast<long>(o % s.out_width * s.stride + t % s.size) - static_cast<long>(s.pad);
                        const bool inside =
                            y >= 0 && left >= 0 && y < static_cast<long>(s.height) && left < static_cast<long>(s.width);
                        const auto pixel =
                            inside ? static_cast<std::size_t>(y) * s.width + static_cast<std::size_t>(left) : 0;
                        expected.push_back(inside ? x[(m / plan.pixels * pixels + pixel) * channels + c] : T(0));
                    }
            for (const std::size_t block : {std::size_t{1}, std::size_t{5}, rows}) {
                std::vector<T> got(expected.size(), T(7));
                for (std::size_t m = 0; m < rows; m += block)
                    kernel::im2col(plan, x.data(), pixels, channels, m, std::min(block, rows - m),
                                   got.data() + m * width);
                wrong.compare(expected, got, "channels = ", channels, ", block = ", block);
            }
        }
    CHECK(wrong.first() == "");
}
