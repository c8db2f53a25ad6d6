#include <tessera/gpt/block.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/golden.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

using namespace tessera;

namespace {

using Plain = GptBlock<8, 2>::Bind<Shape<5, 8>, float>;
using Dropping = GptBlock<8, 2, 10>::Bind<Shape<5, 8>, float>;

/// Names of the leaves that have a role after init.
template <class L>
std::vector<std::string> with_role(Role role) {
    typename L::Params p;
    Rng rng{1};
    L::init(p, rng);
    std::vector<std::string> names;
    L::Params::each(
        [&](const ParamPath& path, const auto& leaf) {
            if (leaf.role() == role) names.push_back(path.str());
        },
        p);
    return names;
}
using Names = std::vector<std::string>;

constexpr GptConfig modern{.width = 16,
                           .heads = 4,
                           .kv_heads = 2,
                           .norm = GptNorm::rms_norm,
                           .mlp = GptMlp::swiglu,
                           .positions = GptPositions::rotary,
                           .bias = false};
using Modern = GptBlockOf<modern>::Bind<Shape<5, 16>, float>;

}  // namespace

TEST_CASE("GptBlock keeps the contract") { CHECK(support::keeps_contract<GptBlock<12, 3, 25>, Shape<3, 12>>()); }

TEST_CASE("GptBlockOf keeps the contract") { CHECK(support::keeps_contract<GptBlockOf<modern>, Shape<9, 16>>()); }

TEST_CASE("GptBlockOf: RmsNorm, grouped rotary attention and SwiGlu together give the values of PyTorch") {
    CHECK(support::matches_golden<GptBlockOf<modern>, Shape<9, 16>>("block_modern"));
}

TEST_CASE("GptBlockOf: the last projection of each branch adds to the residual stream, and every leaf has a role") {
    CHECK(with_role<Modern>(Role::residual) == Names{"0.1.out_proj.weight", "1.2.weight"});
    CHECK(with_role<Modern>(Role::weight) == Names{"0.1.in_proj_weight", "1.1.w1.weight", "1.1.w3.weight"});
    CHECK(with_role<Modern>(Role::gain) == Names{"0.0.weight", "1.0.weight"});
    for (const Role role : {Role::none, Role::output, Role::bias}) CHECK(with_role<Modern>(role).empty());
}

TEST_CASE("GptBlock: dropout changes neither names nor shapes of weights") {
    CHECK(support::names_of(Plain::Params{}) == support::names_of(Dropping::Params{}));
    CHECK(std::is_same_v<Plain::Output, Dropping::Output>);
}

TEST_CASE("GptBlock: the last projection of each branch adds to the residual stream, and every leaf has a role") {
    const Names residual{"0.1.out_proj.weight", "1.3.weight"};
    CHECK(with_role<Plain>(Role::residual) == residual);
    CHECK(with_role<Dropping>(Role::residual) == residual);
    CHECK(with_role<Plain>(Role::weight) == Names{"0.1.in_proj_weight", "1.1.weight"});
    CHECK(with_role<Plain>(Role::gain) == Names{"0.0.weight", "1.0.weight"});
    CHECK(with_role<Plain>(Role::bias) ==
          Names{"0.0.bias", "0.1.in_proj_bias", "0.1.out_proj.bias", "1.0.bias", "1.1.bias", "1.3.bias"});
    CHECK(with_role<Plain>(Role::output).empty());
    CHECK(with_role<Plain>(Role::none).empty());
}
