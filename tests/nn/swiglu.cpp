#include <tessera/nn/swiglu.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/golden.hpp>
#include <tessera/nn/chain.hpp>

#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("SwiGlu keeps the contract") {
    CHECK(support::keeps_contract<SwiGlu<40>, Shape<3, 12>>());
    CHECK(support::keeps_contract<SwiGlu<7, Bias::with>, Shape<33>>());
    CHECK(support::keeps_contract<Seq<SwiGlu<70>, Linear<12, no_bias>>, Shape<5, 12>>());
}

TEST_CASE("SwiGlu: values and gradients are those of PyTorch, alone and as the MLP of LLaMA") {
    CHECK(support::matches_golden<SwiGlu<40>, Shape<5, 19>>("swiglu"));
    CHECK(support::matches_golden<SwiGlu<9, Bias::with>, Shape<5, 19>>("swiglu_bias"));
    CHECK(support::matches_golden<Seq<SwiGlu<40>, Linear<19, no_bias>>, Shape<5, 19>>("swiglu_mlp"));
}

TEST_CASE("SwiGlu: the matrices have LLaMA's names, and every leaf has a role") {
    using Layer = SwiGlu<6, Bias::with>::Bind<Shape<2, 4>, float>;
    Layer::Params p;
    Rng rng{1};
    Layer::init(p, rng);
    CHECK(support::names_of(p) == std::vector<std::string>{"w1.weight", "w1.bias", "w3.weight", "w3.bias"});
    CHECK(support::names_of(SwiGlu<6>::Bind<Shape<2, 4>, float>::Params{}) ==
          std::vector<std::string>{"w1.weight", "w3.weight"});
    Layer::Params::each(
        [](const ParamPath& path, const auto& leaf) {
            CHECK(leaf.role() == (path.leaf() == "bias" ? Role::bias : Role::weight));
        },
        p);
}
