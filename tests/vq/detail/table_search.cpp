#include <tessera/vq/detail/table_search.hpp>

#include <doctest/doctest.h>
#include <support/counting_allocator.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

using namespace tessera;

namespace table_search_test {

namespace {

constexpr std::size_t width = 5;
using Row = Shape<width>;
template <class T>
using Mlp = nn::BasicChain<T, Row, nn::Residual<nn::Linear<9>, nn::Gelu, nn::Linear<width>>>;

template <class Net>
struct Case {
    using T = typename Net::Scalar;
    typename Net::Params params;
    nn::Weights<Net> weights;
    vq::detail::TableSearch<Net, width> search;

    Case() {
        Rng rng{3};
        Net::init(params, rng);
        nn::pack<Net>(params, weights);
        search.reserve(weights);
    }
    void fill(std::size_t rows, std::uint64_t seed) {
        const auto x = support::numbers<T>(rows * width, seed), t = support::numbers<T>(rows * width, seed + 1);
        std::ranges::copy(x, search.x.data());
        std::ranges::copy(t, search.t.data());
    }
    // |x - net(t)|^2 of each row
    std::vector<double> errors(const T* t, std::size_t rows) {
        typename Net::Cache cache;
        Tensor<T, Row> in{rows}, e{rows};
        std::copy_n(t, rows * width, in.data());
        nn::begin<Net>(cache, {});
        Net::forward(weights, std::as_const(in), e.view(), cache);
        std::vector<double> all(rows);
        for (std::size_t i = 0; i < rows * width; ++i) {
            const double r = static_cast<double>(search.x.data()[i]) - static_cast<double>(e.data()[i]);
            all[i / width] += r * r;
        }
        return all;
    }
};

}  // namespace

TEST_CASE("TableSearch: through the identity one step ends at the row") {
    using Net = nn::LinearLayer<Row, width, nn::no_bias, double>;
    Case<Net> c;
    c.params.weight.fill(0);
    for (std::size_t i = 0; i < width; ++i) c.params.weight[i * width + i] = 1;
    nn::pack<Net>(c.params, c.weights);
    c.fill(3, 1);
    c.search.run(c.weights, 3);
    for (std::size_t i = 0; i < 3 * width; ++i)
        CHECK(c.search.best.data()[i] == doctest::Approx(c.search.x.data()[i]).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("TableSearch: ends nearer to every row than it began, also far from where the net is linear", T,
                   float, double) {
    for (const T scale : {T(1), T(30)}) {
        Case<Mlp<T>> c;
        constexpr std::size_t rows = 37;
        c.fill(rows, 5);
        for (std::size_t i = 0; i < rows * width; ++i) c.search.x.data()[i] *= scale;
        const auto before = c.errors(c.search.t.data(), rows);
        c.search.run(c.weights, rows);
        const auto after = c.errors(c.search.best.data(), rows);
        for (std::size_t m = 0; m < rows; ++m) {
            CAPTURE(m);
            CHECK(after[m] < 0.5 * before[m]);
        }
    }
}

TEST_CASE("TableSearch: a row ends with the same bits alone and among others, and nothing is allocated") {
    Case<Mlp<float>> c;
    constexpr std::size_t rows = 19;
    c.fill(rows, 7);
    const std::vector<float> x(c.search.x.data(), c.search.x.data() + rows * width),
        t(c.search.t.data(), c.search.t.data() + rows * width);
    const std::size_t allocated = support::allocations();
    c.search.run(c.weights, rows);
    CHECK(support::allocations() == allocated);
    const std::vector<float> together(c.search.best.data(), c.search.best.data() + rows * width);
    for (std::size_t m = 0; m < rows; ++m) {
        std::copy_n(x.data() + m * width, width, c.search.x.data());
        std::copy_n(t.data() + m * width, width, c.search.t.data());
        c.search.run(c.weights, 1);
        CAPTURE(m);
        CHECK(support::equal_values(std::span{together}.subspan(m * width, width),
                                    std::span{c.search.best.data(), width}));
    }
}

TEST_CASE("TableSearch: a step that a float cannot hold leaves its element as it is") {
    using Net = nn::LinearLayer<Row, width, nn::no_bias, float>;
    Case<Net> c;
    c.params.weight.fill(0);
    for (std::size_t i = 0; i < width; ++i) c.params.weight[i * width + i] = 2e-38f;  // x is reached at 5e40
    nn::pack<Net>(c.params, c.weights);
    c.fill(1, 4);
    for (std::size_t i = 0; i < width; ++i) c.search.x.data()[i] = 1000;
    const std::vector<float> began(c.search.t.data(), c.search.t.data() + width);
    c.search.run(c.weights, 1);
    CHECK(support::equal_values(began, std::span{c.search.t.data(), width}));
    CHECK(support::equal_values(began, std::span{c.search.best.data(), width}));
}

TEST_CASE("TableSearch: where the net does not depend on the table, it stays where it began") {
    using Net = nn::LinearLayer<Row, width, nn::no_bias, double>;
    Case<Net> c;
    c.params.weight.fill(0);
    nn::pack<Net>(c.params, c.weights);
    c.fill(2, 9);
    const std::vector<double> began(c.search.t.data(), c.search.t.data() + 2 * width);
    c.search.run(c.weights, 2);
    CHECK(support::equal_values(began, std::span{c.search.best.data(), 2 * width}));
}

}  // namespace table_search_test
