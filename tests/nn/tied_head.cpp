#include <tessera/nn/tied_head.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/golden.hpp>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/token_embedding.hpp>

#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("TiedHead keeps the contract") {
    CHECK(support::keeps_contract<TiedHead<11, TokenEmbedding<13, 9>, LayerNorm>, Shape<5>>());
    CHECK(support::keeps_contract<
          TiedHead<40, Embedding<43, 12>, Repeat<2, Residual<LayerNorm, CausalAttention<3>>>, LayerNorm>, Shape<5>>());
}

TEST_CASE("TiedHead: values and gradients are those of PyTorch with the embedding as head") {
    CHECK(support::matches_golden<TiedHead<11, TokenEmbedding<13, 9>, LayerNorm>, Shape<7>>("tied_head"));
}

TEST_CASE("TiedHead: the head has no parameter, and its chain ends with no output role") {
    using Net = TiedHead<11, TokenEmbedding<13, 9>, Linear<9>>::Bind<Shape<5>, float>;
    Net::Params p;
    Rng rng{1};
    Net::init(p, rng);
    CHECK(support::names_of(p) == std::vector<std::string>{"0.weight", "1.weight", "1.bias"});
    Net::Params::each([](const ParamPath&, const auto& leaf) { CHECK(leaf.role() != Role::output); }, p);
}
