#include <tessera/gpt/block.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

using namespace tessera;

namespace {

using Plain = GptBlock<8, 2>::Bind<Shape<5, 8>, float>;
using Dropping = GptBlock<8, 2, 10>::Bind<Shape<5, 8>, float>;

// Each part of the packed weights by its name holds what the parameters of that name were packed to.
template <class Block>
bool named_right() {
    typename Block::Params p;
    Rng rng{1};
    Block::init(p, rng);
    float number = 0;
    Block::Params::each([&](const Path&, auto& leaf) { leaf.fill(++number); }, p);
    nn::Ready<Block> w;
    nn::pack<Block>(p, w);
    const GptBlockWeights parts{w};
    return parts.norm1.weight[0] == 1 && parts.norm1.bias[7] == 2 && parts.attention.in.forward.data()[0] == 3 &&
           parts.attention.in.bias[0] == 4 && parts.attention.out.forward.data()[0] == 5 && parts.attention.out.bias[0] == 6 &&
           parts.norm2.weight[0] == 7 && parts.norm2.bias[0] == 8 && parts.up.forward.data()[0] == 9 &&
           parts.up.bias.size() == 32 && parts.up.bias[0] == 10 && parts.down.forward.data()[0] == 11 &&
           parts.down.bias.size() == 8 && parts.down.bias[0] == 12;
}

}  // namespace

TEST_CASE("GptBlock keeps the contract") {
    CHECK(support::keeps_contract<GptBlock<12, 3, 25>, Shape<3, 12>>());
}

TEST_CASE("GptBlock: dropout changes neither names nor shapes of weights") {
    CHECK(support::names_of(Plain::Params{}) == support::names_of(Dropping::Params{}));
    CHECK(std::is_same_v<Plain::Output, Dropping::Output>);
}

TEST_CASE("GptBlockWeights: the parts of a packed block by name") {
    CHECK(named_right<Plain>());
    CHECK(named_right<Dropping>());
}

TEST_CASE("ends_in_residual: the second projection of each branch and nothing else") {
    std::vector<std::string> ends;
    const Plain::Params p;
    Plain::Params::each(
        [&](const Path& path, const auto&) {
            const std::string name = "prior.1.3." + path.str();
            if (ends_in_residual(name)) ends.push_back(name);
        },
        p);
    CHECK(ends == std::vector<std::string>{"prior.1.3.0.1.out_proj.weight", "prior.1.3.1.3.weight"});
    CHECK(!ends_in_residual("prior.3.weight"));
}
