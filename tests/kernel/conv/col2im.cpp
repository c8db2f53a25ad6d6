#include <tessera/kernel/conv/col2im.hpp>
#include <tessera/kernel/conv/im2col.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <support/windows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

using support::numbers;
using support::sized;
namespace kernel = tessera::kernel;

namespace {

constexpr std::size_t batch_of_three = 3;

// Strides that divide the window and others, windows beyond the map on both sides, pixels that no window reaches.
const std::vector<kernel::PatchSize> col2im_windows{
    sized(8, 6, 4, 2, 1), sized(28, 28, 4, 2, 1), sized(5, 7, 3, 1, 1), sized(5, 4, 1, 2, 0), sized(9, 6, 3, 3, 0),
    sized(7, 8, 2, 3, 0), sized(6, 5, 3, 2, 1),   sized(2, 2, 4, 1, 2), sized(2, 1, 4, 2, 2), sized(6, 8, 2, 2, 0),
    sized(9, 7, 6, 3, 2), sized(1, 1, 3, 1, 1),   sized(9, 9, 5, 2, 2), sized(6, 4, 4, 4, 1), sized(5, 4, 4, 2, 0)};

// Patch by patch, pixels o and taps in order.
template <class T>
std::vector<T> patch_by_patch(const kernel::PatchSize& s, const std::vector<T>& columns, std::size_t channels,
                              const std::vector<T>& bias, bool relu) {
    const kernel::PatchPlan plan = kernel::gather_plan(s);
    std::vector<T> y(batch_of_three * s.height * s.width * channels);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = bias.empty() ? T(0) : bias[i % channels];
    for (std::size_t m = 0; m < batch_of_three * plan.pixels * plan.taps; ++m)
        if (const auto in = plan.in[m % (plan.pixels * plan.taps)]; in >= 0)
            for (std::size_t c = 0; c < channels; ++c)
                y[(m / (plan.pixels * plan.taps) * s.height * s.width + static_cast<std::size_t>(in)) * channels + c] +=
                    columns[m * channels + c];
    if (relu)
        for (T& v : y) v = v < T(0) ? T(0) : v;
    return y;
}

}  // namespace

TEST_CASE_TEMPLATE("col2im: the bits of adding patch by patch", T, float, double) {
    support::Mismatch wrong;
    for (const kernel::PatchSize& s : col2im_windows)
        for (const std::size_t channels : {1u, 2u, 3u, 4u, 7u})
            for (const bool has_bias : {false, true})
                for (const bool relu : {false, true}) {
                    const auto columns =
                        numbers<T>(batch_of_three * s.out_height * s.out_width * s.size * s.size * channels, channels);
                    const auto bias = has_bias ? numbers<T>(channels, 3) : std::vector<T>{};
                    std::vector<T> y(batch_of_three * s.height * s.width * channels + 1, T(7));
                    kernel::col2im<T>(s, batch_of_three, columns.data(), channels, has_bias ? bias.data() : nullptr,
                                      relu, y.data());
                    wrong.require(y.back() == T(7), "a write past the maps: window ", s.size, ", stride ", s.stride);
                    y.pop_back();
                    wrong.compare_bits(patch_by_patch(s, columns, channels, bias, relu), y, "map ", s.height, " x ",
                                       s.width, ", window ", s.size, ", stride ", s.stride, ", pad ", s.pad,
                                       ", channels ", channels, ", bias: ", has_bias, ", relu: ", relu);
                }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("col2im: is the adjoint of im2col", T, float, double) {
    double worst = 0;
    for (const kernel::PatchSize& s : col2im_windows)
        for (const std::size_t channels : {1u, 3u}) {
            const kernel::PatchPlan plan = kernel::gather_plan(s);
            const std::size_t pixels = s.height * s.width, rows = batch_of_three * plan.pixels;
            const auto columns = numbers<T>(rows * plan.taps * channels, 1),
                       x = numbers<T>(batch_of_three * pixels * channels, 2);
            std::vector<T> patches(columns.size()), y(x.size());
            kernel::im2col(plan, x.data(), pixels, channels, 0, rows, patches.data());
            kernel::col2im<T>(s, batch_of_three, columns.data(), channels, nullptr, false, y.data());
            double left = 0, right = 0;
            for (std::size_t i = 0; i < columns.size(); ++i)
                left += static_cast<double>(patches[i]) * static_cast<double>(columns[i]);
            for (std::size_t i = 0; i < x.size(); ++i) right += static_cast<double>(x[i]) * static_cast<double>(y[i]);
            worst = support::larger(worst, std::abs(left - right) / (1 + std::abs(left)));
        }
    CHECK(worst < (std::is_same_v<T, float> ? 1e-5 : 1e-13));
}
