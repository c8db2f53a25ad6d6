#include <tessera/codec/model_hash.hpp>

#include <doctest/doctest.h>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/nn/silu.hpp>
#include <tessera/nn/tanh.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

using namespace tessera;
using codec::model_hash;

namespace model_hash_test {

namespace {
using Prior = Gpt<support::tiny_gpt>;
using Vae = support::TinyVae<float>;
Vae vae(std::uint64_t seed = 1, Vae::Options options = {}) {
    Rng rng{seed};
    return Vae{rng, options};
}
}  // namespace

TEST_CASE("model_hash: the same for equal models, another after the change of any single bit of any leaf") {
    const auto prior = support::moved_model<Prior>();
    const std::uint64_t hash = model_hash(prior);
    CHECK(model_hash(support::moved_model<Prior>()) == hash);
    support::Mismatch wrong;
    std::set<std::uint64_t> seen{hash};
    auto changed = prior;
    Prior::Params::each(
        [&](const ParamPath& path, auto& leaf) {
            for (const std::size_t i : {std::size_t{0}, leaf.span().size() - 1}) {
                const float before = leaf[i];
                leaf[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(before) ^ 1u);
                wrong.require(seen.insert(model_hash(changed)).second, path.str(), "[", i, "]");
                leaf[i] = before;
            }
        },
        changed.params());
    CHECK(wrong.first() == "");
}

TEST_CASE("model_hash: a model keeps its hash when it is saved and loaded, also by a host with other options") {
    const auto trained = vae(1, {.ema = {.decay = 0.9}});
    io::SafetensorsFile file{io::collect(trained).bytes(), "file"};
    auto loaded = vae(2);
    CHECK(model_hash(loaded) != model_hash(trained));
    io::load(file, {.accept = {io::everything}}, loaded);
    CHECK(model_hash(loaded) == model_hash(trained));
}

TEST_CASE("model_hash: depends on the models before, on their order, and on what the model computes") {
    const auto prior = support::moved_model<Prior>();
    const auto first = vae();
    CHECK(model_hash(prior, model_hash(first)) != model_hash(prior));
    CHECK(model_hash(prior, model_hash(first)) != model_hash(first, model_hash(prior)));

    // equal weights, but two heads in place of four
    constexpr GptConfig two{.vocab = 9, .context = 6, .width = 16, .heads = 2, .layers = 1};
    constexpr GptConfig four{.vocab = 9, .context = 6, .width = 16, .heads = 4, .layers = 1};
    CHECK(model_hash(support::moved_model<Gpt<two>>()) != model_hash(support::moved_model<Gpt<four>>()));
    // equal weights and metadata, but another block
    using Silu = nn::Seq<nn::Residual<nn::LayerNorm, nn::Linear<16>, nn::Silu, nn::Linear<16>>>;
    using Tanh = nn::Seq<nn::Residual<nn::LayerNorm, nn::Linear<16>, nn::Tanh, nn::Linear<16>>>;
    CHECK(model_hash(support::moved_model<Gpt<two, Silu>>()) != model_hash(support::moved_model<Gpt<two, Tanh>>()));
}

}  // namespace model_hash_test
