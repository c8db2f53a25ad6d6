#include <tessera/nn/embedding.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/golden.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

TEST_CASE("Embedding keeps the contract") { CHECK(support::keeps_contract<Embedding<11, 9>, Shape<5>>()); }

TEST_CASE("Embedding: values and gradients are those of PyTorch") {
    CHECK(support::matches_golden<Embedding<13, 9>, Shape<7>>("embedding"));
}

TEST_CASE("Embedding: parameters are named like two PyTorch modules, and start at N(0, 1)") {
    using Layer = Embedding<100, 50>::Bind<Shape<20>, float>;
    Layer::Params p;
    Rng rng{1};
    Layer::init(p, rng);
    std::vector<std::string> names;
    double squares = 0;
    Layer::Params::each(
        [&](const ParamPath& path, const auto& leaf) {
            names.push_back(path.str());
            for (const double v : leaf.span()) squares += v * v / 6000;
        },
        p);
    CHECK(names == std::vector<std::string>{"token.weight", "position.weight"});
    CHECK(std::abs(squares - 1) < 0.06);
}
