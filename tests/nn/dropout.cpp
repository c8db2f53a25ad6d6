#include <tessera/nn/dropout.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

using In = Shape<500>;
using Quarter = Dropout<Probability{.percent = 25}>::Bind<In, float>;

// y for an x of ones: samples first .. first + batch of a step.
std::vector<float> masked(bool training, std::uint64_t seed, std::size_t first, std::size_t batch) {
    Quarter::Cache cache;
    Tensor<float, In> x{batch}, y{batch};
    std::ranges::fill(x.span(), 1.f);
    nn::begin<Quarter>(cache, {.training = training, .rng = Rng{seed}, .first = first});
    Quarter::forward({}, std::as_const(x), y, cache);
    return {y.span().begin(), y.span().end()};
}

}  // namespace

TEST_CASE("Dropout keeps the contract") {
    CHECK(support::keeps_contract<Dropout<Probability{.percent = 25}>, Shape<5, 33>>());
    CHECK(support::keeps_contract<Dropout<Probability{}>, Shape<7>>());
}

TEST_CASE("Dropout: outside training, and before any begin, x passes unchanged") {
    CHECK(std::ranges::count(masked(false, 1, 0, 2), 1.f) == 1000);
    Quarter::Cache cache;
    Tensor<float, In> x{1}, y{1};
    x[0][7] = 3;
    Quarter::forward({}, std::as_const(x), y, cache);
    CHECK(y[0][7] == 3);
}

TEST_CASE("Dropout: in training the kept elements are scaled so that the mean is preserved") {
    const auto y = masked(true, 1, 0, 40);
    const auto gone = std::ranges::count(y, 0.f), stays = std::ranges::count(y, 4.f / 3.f);
    CHECK(gone + stays == 20000);
    CHECK(gone > 4700);
    CHECK(gone < 5300);
}

TEST_CASE("Dropout: the mask of a sample depends on its index in the batch, not on how the batch was cut") {
    const auto whole = masked(true, 1, 0, 4), tail = masked(true, 1, 3, 1);
    CHECK(support::equal_values(std::span{whole}.subspan(1500), tail));
    CHECK_FALSE(std::equal(tail.begin(), tail.end(), whole.begin()));
    CHECK(masked(true, 2, 3, 1) != tail);
}
