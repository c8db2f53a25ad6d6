#include <tessera/kernel/gemm/panels.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <support/threads.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

using support::numbers;
using tessera::kernel::Panels;
namespace kernel = tessera::kernel;

namespace {

constexpr std::size_t widths_of_panels[] = {1, 7, 16, 17, 31, 32, 33, 64, 65};

}  // namespace

TEST_CASE_TEMPLATE("Panels: at(i, j) is element (i, j) of the matrix, packed along either stride", T, float, double) {
    support::Mismatch wrong;
    Panels<T> b;  // one for all sizes: what an earlier one left must not show
    for (const std::size_t k : widths_of_panels)
        for (const std::size_t n : widths_of_panels) {
            const std::size_t ld = n + 3;
            const auto x = numbers<T>(k * ld + n * (k + 2), k * 100 + n);
            b.pack(k, n, x.data(), ld, 1);
            for (std::size_t i = 0; i < k; ++i)
                for (std::size_t j = 0; j < n; ++j)
                    wrong.compare(x[i * ld + j], b.at(i, j), "k = ", k, ", n = ", n, ", at ", i, ", ", j);
            b.pack(k, n, x.data(), 1, k + 2);  // the transposed of n rows of k + 2 numbers
            for (std::size_t i = 0; i < k; ++i)
                for (std::size_t j = 0; j < n; ++j)
                    wrong.compare(x[j * (k + 2) + i], b.at(i, j), "transposed, k = ", k, ", n = ", n, ", at ", i, ", ",
                                  j);
            wrong.compare(k, b.rows(), "rows, k = ", k, ", n = ", n);
            wrong.compare(n, b.columns(), "columns, k = ", k, ", n = ", n);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("Panels: in float a panel is aligned whole vectors, and the columns past the last one are zero") {
    constexpr std::size_t width = kernel::panel_width;
    support::Mismatch wrong;
    Panels<float> b;
    const auto x = numbers<float>(33 * 65, 1);
    b.pack(33, 65, x.data(), 65, 1);
    for (const std::size_t n : {std::size_t{1}, width - 1, width, width + 1, 2 * width - 1}) {
        b.pack(7, n, x.data(), n, 1);
        REQUIRE(b.panel_count() == (n + width - 1) / width);
        for (std::size_t j = 0; j < b.panel_count(); ++j) {
            wrong.compare(0u, reinterpret_cast<std::uintptr_t>(b.panel(j)) % (width * 2), "alignment, n = ", n,
                          ", panel ", j);
            for (std::size_t i = 0; i < 7; ++i)
                for (std::size_t c = 0; c < width; ++c)
                    if (j * width + c >= n)
                        wrong.compare(0.f, b.panel(j)[i * width + c], "padding, n = ", n, ", panel ", j, ", at ", i,
                                      ", ", c);
        }
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("Panels: threads that share the panels of a large matrix write each element once") {
    constexpr std::size_t k = 300, n = 701;
    const auto x = numbers<float>(k * n, 4);
    for (const std::size_t threads : {1, 2, 3, 16}) {
        support::Mismatch wrong;
        Panels<float> rows, columns;
        support::with_threads(threads, [&] {
            rows.pack(k, n, x.data(), n, 1);
            columns.pack(n, k, x.data(), 1, n);
            return 0;
        });
        for (std::size_t i = 0; i < k; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                wrong.compare(x[i * n + j], rows.at(i, j), threads, " threads, at ", i, ", ", j);
                wrong.compare(x[i * n + j], columns.at(j, i), threads, " threads, transposed, at ", j, ", ", i);
            }
        CHECK(wrong.first() == "");
    }
}

TEST_CASE_TEMPLATE("Panels: fill writes its rows and no others, at() refers to one element", T, float, double) {
    constexpr std::size_t k = 9, n = 35;
    const auto x = numbers<T>(k * n, 1), y = numbers<T>(4 * n, 2);
    Panels<T> b;
    b.pack(k, n, x.data(), n, 1);
    b.fill(3, 4, y.data(), n, 1);
    b.at(8, 34) = T(5);
    support::Mismatch wrong;
    for (std::size_t i = 0; i < k; ++i)
        for (std::size_t j = 0; j < n; ++j) {
            const T expected = i == 8 && j == 34 ? T(5) : i >= 3 && i < 7 ? y[(i - 3) * n + j] : x[i * n + j];
            wrong.compare(expected, b.at(i, j), "at ", i, ", ", j);
        }
    CHECK(wrong.first() == "");
}

TEST_CASE("Panels: memory is kept, so that a size seen before allocates nothing") {
    Panels<float> b;
    b.resize(64, 100);
    const float* const memory = b.data();
    b.resize(3, 5);
    b.resize(64, 100);
    CHECK(b.data() == memory);
}
