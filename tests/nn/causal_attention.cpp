#include <tessera/nn/causal_attention.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/golden.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <tessera/nn/chain.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

constexpr AttentionOptions rotary{.rotary = Rotary::sequence}, grouped{.kv_heads = 2, .bias = no_bias},
    modern{.kv_heads = 2, .rotary = Rotary::sequence, .bias = no_bias},
    grid{.kv_heads = 1, .rotary = Rotary::grid, .columns = 5, .base = 100, .bias = no_bias};

}  // namespace

TEST_CASE("CausalAttention keeps the contract") {
    CHECK(support::keeps_contract<CausalAttention<3>, Shape<7, 12>>());
    CHECK(support::keeps_contract<CausalAttention<1>, Shape<1, 8>>());
    CHECK(support::keeps_contract<CausalAttention<2>, Shape<17, 32>>());
}

TEST_CASE("CausalAttention with grouped queries, rotary positions and no biases keeps the contract") {
    CHECK(support::keeps_contract<CausalAttention<3, rotary>, Shape<7, 12>>());
    CHECK(support::keeps_contract<CausalAttention<4, grouped>, Shape<7, 12>>());
    CHECK(support::keeps_contract<CausalAttention<6, modern>, Shape<9, 48>>());
    CHECK(support::keeps_contract<CausalAttention<3, grid>, Shape<10, 48>>());
    // one worker and enough heads for KvCacheInterleaved, with rotated keys
    CHECK(support::keeps_contract<CausalAttention<4, rotary>, Shape<5, 64>>());
    // seven queries to a key: more than KvCacheByHead takes in one loop
    CHECK(support::keeps_contract<CausalAttention<7, AttentionOptions{.kv_heads = 1}>, Shape<5, 28>>());
}

TEST_CASE("CausalAttention: values and gradients are those of PyTorch's MultiheadAttention under a causal mask") {
    CHECK(support::matches_golden<CausalAttention<3>, Shape<7, 12>>("causal_attention"));
    CHECK(support::matches_golden<CausalAttention<2>, Shape<17, 32>>("causal_attention_wide"));
}

TEST_CASE("CausalAttention: rotary positions and grouped queries are those of the same layer in PyTorch") {
    CHECK(support::matches_golden<CausalAttention<3, rotary>, Shape<7, 12>>("attention_rotary"));
    CHECK(support::matches_golden<CausalAttention<4, grouped>, Shape<17, 32>>("attention_grouped"));
    CHECK(support::matches_golden<CausalAttention<6, modern>, Shape<21, 48>>("attention_modern"));
    CHECK(support::matches_golden<CausalAttention<3, grid>, Shape<20, 48>>("attention_grid"));
}

TEST_CASE("CausalAttention: without biases their leaves are left out, and grouped queries have fewer rows of weights") {
    using Layer = CausalAttention<6, modern>::Bind<Shape<9, 48>, float>;
    Layer::Params p;
    CHECK(support::names_of(p) == std::vector<std::string>{"in_proj_weight", "out_proj.weight"});
    CHECK(p.in_weight.file_dims() == std::array<std::size_t, 2>{48 + 2 * 16, 48});
    using Default = CausalAttention<6>::Bind<Shape<9, 48>, float>;
    CHECK(support::names_of(Default::Params{}) ==
          std::vector<std::string>{"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"});
}

TEST_CASE("CausalAttention: rotary attention does not change when all tokens move by the same distance") {
    using Layer = CausalAttention<1, rotary>::Bind<Shape<6, 8>, double>;
    Layer::Params p;
    Rng rng{2};
    Layer::init(p, rng);
    Layer::Packed w;
    Layer::pack(p, w);
    const auto rows = support::numbers<double>(5 * 8, 1);
    const auto scores = [&](std::size_t shift) {  // q_4 . k_j for all j, of rows that begin at token `shift`
        Tensor<double, Shape<6, 8>> x{1}, y{1};
        std::ranges::fill(x.span(), 0.0);
        std::ranges::copy(rows, x.data() + shift * 8);
        Layer::Cache cache;
        Layer::forward(w, View<const double, Shape<6, 8>>{x}, y.view(), cache);
        std::vector<double> all;
        for (std::size_t j = 0; j < 5; ++j) {
            double s = 0;
            for (std::size_t i = 0; i < 8; ++i)
                s += cache.qkv.data()[(4 + shift) * 24 + i] * cache.qkv.data()[(j + shift) * 24 + 8 + i];
            all.push_back(s);
        }
        return all;
    };
    const auto here = scores(0), later = scores(1);
    CHECK(support::distance(here, later) < 50);
    CHECK(*std::ranges::max_element(here) > 0.01);
}
