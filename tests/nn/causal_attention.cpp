#include <tessera/nn/causal_attention.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("CausalAttention keeps the contract") {
    CHECK(support::keeps_contract<CausalAttention<3>, Shape<7, 12>>());
    CHECK(support::keeps_contract<CausalAttention<1>, Shape<1, 8>>());
    CHECK(support::keeps_contract<CausalAttention<2>, Shape<17, 32>>());
}

TEST_CASE("CausalAttention: values and gradients are those of PyTorch's MultiheadAttention under a causal mask") {
    CHECK(support::matches_golden<CausalAttention<3>, Shape<7, 12>>("causal_attention"));
    CHECK(support::matches_golden<CausalAttention<2>, Shape<17, 32>>("causal_attention_wide"));
}
