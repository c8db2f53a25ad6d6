#include <tessera/vq/policy/sim_vq.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace sim_vq_test {

using Spec = Codebook<codes, vq::SimVq>;

TEST_CASE("SimVq: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::SimVq>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Codebook<70, vq::SimVq>, Shape<2, 7>>({.batch = 9}));
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
    CHECK(std::ranges::equal(c.w.codes.weight, c.buffers.fixed.table.span()));
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
    CHECK(std::ranges::equal(table.span(), vae.buffers().fixed.table.span()));
}

TEST_CASE("SimVq: the leaves have names in files") {
    std::vector<std::string> names;
    const auto add = [&](const Path& path, const auto&) { names.push_back(path.str()); };
    PolicyCase<Spec, float> c;
    PolicyCase<Spec, float>::Q::Params::each(add, c.params);
    PolicyCase<Spec, float>::Q::Buffers::each(add, c.buffers);
    CHECK(names.front() == "codebook.map.weight");
    CHECK(std::ranges::count(names, "codebook.table") == 1);
}

}  // namespace sim_vq_test
