#include <tessera/vq/detail/parts_in_file.hpp>

#include <doctest/doctest.h>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

using namespace tessera;

namespace parts_in_file_test {

namespace {

using Level = Codebook<4>;
template <class Spec, std::size_t Width>
using Bound = typename Spec::template Bind<Shape<3, Width>, float>;

using Residual = Bound<ResidualVq<Level, 2>, 4>;
using Mixed = Bound<ResidualVqOf<Level, Codebook<8>>, 4>;
using Grouped = Bound<GroupedVq<Level, 2>, 8>;
using SharedResidual = Bound<ResidualVq<Level, 2, Codebooks::shared>, 4>;
using SharedGroups = Bound<GroupedVq<Level, 2, Codebooks::shared>, 8>;
using OneLevel = Bound<ResidualVq<Level, 1>, 4>;

/// The counts of a part after a file without `missing`: 7 where it had them, 1 where they were missing.
template <class Q>
std::vector<float> counts_without(const std::vector<std::string>& missing) {
    typename Q::Params params;
    typename Q::Buffers buffers;
    Rng rng{1};
    Q::init(params, buffers, rng);
    Q::Buffers::each(
        [](const ParamPath& path, auto& leaf) {
            if (path.str().ends_with("codebook.count")) leaf.fill(7);
        },
        buffers);
    Q::fill_missing(params, buffers, missing);
    std::vector<float> counts;
    Q::Buffers::each(
        [&](const ParamPath& path, const auto& leaf) {
            if (path.str().ends_with("codebook.count")) counts.push_back(static_cast<float>(leaf[0]));
        },
        buffers);
    return counts;
}

}  // namespace

TEST_CASE_TEMPLATE("composed quantizers: a file may leave out what a part does not need", Q, Residual, Mixed, Grouped) {
    CHECK(Q::optional_in_file("0.codebook.count"));
    CHECK(Q::optional_in_file("1.codebook.sum"));
    CHECK_FALSE(Q::optional_in_file("2.codebook.count"));
    CHECK_FALSE(Q::optional_in_file("codebook.count"));
    CHECK_FALSE(Q::optional_in_file("1.codebook.weight"));
    CHECK(counts_without<Q>({}) == std::vector<float>{7, 7});
    CHECK(counts_without<Q>({"1.codebook.count"}) == std::vector<float>{7, 1});
    CHECK(counts_without<Q>({"0.codebook.count", "1.codebook.count"}) == std::vector<float>{1, 1});
}

TEST_CASE_TEMPLATE("composed quantizers: the leaves of a shared codebook have no prefix", Q, SharedResidual,
                   SharedGroups, OneLevel) {
    CHECK(Q::optional_in_file("codebook.count"));
    CHECK_FALSE(Q::optional_in_file("0.codebook.count"));
    CHECK_FALSE(Q::optional_in_file("codebook.weight"));
    CHECK(counts_without<Q>({"codebook.count"}) == std::vector<float>{1});
}

TEST_CASE("composed quantizers: a part inside of a part, and parts without such leaves") {
    using Nested = Bound<GroupedVq<ResidualVq<Level, 2>, 2>, 8>;
    CHECK(Nested::optional_in_file("1.0.codebook.count"));
    CHECK_FALSE(Nested::optional_in_file("1.codebook.count"));
    CHECK(counts_without<Nested>({"1.0.codebook.count"}) == std::vector<float>{7, 7, 1, 7});
    using OneWithFsq = Bound<ResidualVqOf<Level, FsqWith<FsqBound::symmetric, 3, 3, 3, 3>>, 4>;
    CHECK(OneWithFsq::optional_in_file("0.codebook.count"));
    CHECK_FALSE(OneWithFsq::optional_in_file("1.codebook.count"));
    CHECK(counts_without<OneWithFsq>({"0.codebook.count", "1.codebook.count"}) == std::vector<float>{1});
}

}  // namespace parts_in_file_test
