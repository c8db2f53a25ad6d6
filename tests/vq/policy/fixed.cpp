#include <tessera/vq/policy/fixed.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>

#include <cstddef>
#include <utility>

using namespace tessera;
using namespace policy_test;

namespace fixed_test {

TEST_CASE("Fixed: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Fixed>, Shape<3, 3, 4>>());
}

TEST_CASE("Fixed: k-means places the vectors once, and no update moves them") {
    using Q = PolicyCase<Codebook<codes, vq::Fixed>, float>::Q;
    PolicyCase<Codebook<codes, vq::Fixed>, float> c;
    CodebookState<codes, width, float> expected;
    kmeans(expected, std::as_const(c.z).span(), Rng{4});
    Q::initialize_from_data(c.params, c.buffers, std::as_const(c.z), c.options, Rng{4});
    CHECK(support::equal_values(expected.weight.span(), c.buffers.weight.span()));
    Q::Statistics statistics;
    c.forward();
    Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache, statistics);
    Q::update(c.params, c.buffers, statistics, c.options);
    CHECK(support::equal_values(expected.weight.span(), c.buffers.weight.span()));
}

}  // namespace fixed_test
