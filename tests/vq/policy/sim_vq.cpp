#include <tessera/vq/policy/sim_vq.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace sim_vq_test {

using Spec = Codebook<codes, vq::SimVq>;

TEST_CASE("SimVq: keeps the contract of quantizers, also where most vectors are dead in each update") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::SimVq>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Codebook<70, vq::SimVq>, Shape<2, 7>>({.batch = 9}));
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::SimVq>, Shape<3, 3, 4>>(
        {}, CodebookOptions{.ema = {.decay = 0}, .revive = {.below = 1, .grace = 1}}));
}

TEST_CASE_TEMPLATE("SimVq: the terms move the map as PyTorch's, and never the table", T, float, double) {
    PolicyCase<Spec, T> c{{.commitment = 0.25f}};
    for (std::size_t i = 0; i < width * width; ++i)
        c.params.net.weight[i] += (static_cast<T>((i * 3) % 7) - 3) / 32;  // onto the identity
    c.pack();
    c.forward();
    const auto terms = c.regularize();
    CHECK((terms.codebook + terms.commitment) / rows ==
          doctest::Approx(twin::sim_vq[0]).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
    CHECK(differs<T>(twin::sim_vq_dw, c.grad.net.weight.span(), sizeof(T) == 4 ? 1e-5 : 1e-13) == "");
}

TEST_CASE("SimVq: the map is the identity at first, so the vectors are the table") {
    PolicyCase<Spec, float> c;
    CHECK(support::equal_values(c.buffers.fixed.table.span(), c.w.codes.weight));
}

TEST_CASE("SimVq: one step moves every vector, also those that no row chose; the table stays") {
    using Vae = VqVae<support::TinyEncoder<float>, Codebook<32, vq::SimVq>, support::TinyDecoder<float>>;
    Rng rng{1};
    Vae vae{rng};
    const auto table = vae.buffers().fixed.table;
    const auto vectors = [&] {
        const auto frozen = vae.freeze();
        return std::vector<float>(frozen.quantizer().codes.weight.begin(), frozen.quantizer().codes.weight.end());
    };
    const auto before = vectors();
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}};
    const auto report = trainer.step(support::batch_of<float>(support::bars(8, 1)));
    CHECK(report.used < 32);
    const auto after = vectors();
    for (std::size_t k = 0; k < 32; ++k)
        CHECK(!std::equal(before.begin() + static_cast<long>(k * 4), before.begin() + static_cast<long>(k * 4 + 4),
                          after.begin() + static_cast<long>(k * 4)));
    CHECK(support::equal_values(table.span(), vae.buffers().fixed.table.span()));
}

TEST_CASE("SimVq: a dead vector moves onto a row of the batch, through the map") {
    using Q = PolicyCase<Spec, double>::Q;
    PolicyCase<Spec, double> c{{.ema = {.decay = 0}, .revive = {.below = 0.1, .grace = 3}}};
    for (std::size_t i = 0; i < width * width; ++i)
        c.params.net.weight[i] += (static_cast<double>((i * 3) % 7) - 3) / 32;  // onto the identity
    c.pack();
    c.forward();
    std::ranges::fill(c.tokens.span(), Token{2});
    for (int i = 0; i < 2; ++i) {  // the first finds no vector dead, and draws no candidates
        Q::Statistics statistics;
        Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache,
                   statistics);
        Q::update(c.params, c.buffers, statistics, c.options);
        c.pack();
    }
    for (std::size_t k = 0; k < codes; ++k) {
        std::size_t there = 0;
        for (std::size_t m = 0; m < rows; ++m) {
            double error = 0;
            for (std::size_t i = 0; i < width; ++i)
                error += std::pow(c.w.codes.weight[k * width + i] - c.z.data()[m * width + i], 2);
            there += error < 1e-6 ? 1 : 0;
        }
        INFO(k);
        CHECK(there == (k == 2 ? 0 : 1));
    }
}

TEST_CASE("SimVq: the leaves have names in files") {
    std::vector<std::string> names;
    const auto add = [&](const ParamPath& path, const auto&) { names.push_back(path.str()); };
    PolicyCase<Spec, float> c;
    PolicyCase<Spec, float>::Q::Params::each(add, c.params);
    PolicyCase<Spec, float>::Q::Buffers::each(add, c.buffers);
    CHECK(names.front() == "codebook.map.weight");
    for (const char* name : {"codebook.table", "codebook.count", "codebook.grace"})
        CHECK(std::ranges::count(names, name) == 1);
}

}  // namespace sim_vq_test
