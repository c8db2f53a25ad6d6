#include <tessera/gpt/gpt_net.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/io/load.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/save.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/testing/detail/full_team.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

using namespace tessera;
using support::batch_of;
using support::moved_model;
using support::sequences;

namespace gpt_net_test {

namespace {

// A grid of 3 x 6 tokens, more than a vector of AVX-512 and with a remainder. Each choice is in two configurations or
// more, and no two of them always together.
constexpr GptConfig llama{.vocab = 37,
                          .context = 18,
                          .width = 64,  // heads of a vector: KvCacheInterleaved with rotated keys
                          .heads = 4,
                          .layers = 2,
                          .classes = 3,
                          .norm = GptNorm::rms_norm,
                          .mlp = GptMlp::swiglu,
                          .positions = GptPositions::rotary,
                          .bias = false};
constexpr GptConfig grid{.vocab = 37,
                         .context = 18,
                         .width = 48,
                         .heads = 6,
                         .layers = 2,
                         .classes = 3,
                         .dropout_percent = 10,
                         .kv_heads = 2,
                         .norm = GptNorm::rms_norm,
                         .mlp = GptMlp::swiglu,
                         .positions = GptPositions::rotary_grid,
                         .columns = 6,
                         .tied = true,
                         .bias = false};
constexpr GptConfig nano{
    .vocab = 37, .context = 18, .width = 40, .heads = 4, .layers = 2, .classes = 3, .tied = true, .bias = false};
constexpr GptConfig one_key{.vocab = 37,
                            .context = 18,
                            .width = 60,
                            .heads = 5,
                            .layers = 2,
                            .classes = 3,
                            .kv_heads = 1,
                            .positions = GptPositions::rotary_grid,
                            .columns = 3};
constexpr GptConfig mixed{.vocab = 37,
                          .context = 18,
                          .width = 40,
                          .heads = 4,
                          .layers = 2,
                          .dropout_percent = 20,
                          .kv_heads = 2,
                          .norm = GptNorm::rms_norm,
                          .positions = GptPositions::rotary,
                          .tied = true};
constexpr GptConfig gated{
    .vocab = 37, .context = 18, .width = 40, .heads = 4, .layers = 2, .classes = 3, .mlp = GptMlp::swiglu};

using Variants = std::tuple<Gpt<llama>, Gpt<grid>, Gpt<nano>, Gpt<one_key>, Gpt<mixed>, Gpt<gated>>;

/// The logits of whole sequences against those of `most` tokens at a time by `workers` threads; "" or the first that
/// differs.
template <class Model>
std::string difference(std::size_t count, std::size_t most, std::size_t workers) {
    constexpr GptConfig C = Model::config;
    const auto model = moved_model<Model>();
    const auto x = sequences<C>(count, 2);
    const auto whole = model.logits(x.view(), x.labels());
    const auto frozen = model.freeze();
    KvCache<Model> cache{{.sequences = count, .tokens = most, .workers = workers}};
    std::vector<Token> next(count * most);
    std::string found;
    testing::detail::run_full_team(workers, (C.context + most - 1) / most, [&](kernel::Worker& me, std::size_t round) {
        const std::size_t position = round * most, tokens = std::min(most, C.context - position);
        if (me.id() == 0)
            for (std::size_t n = 0; n < count; ++n)
                for (std::size_t t = 0; t < tokens; ++t)
                    next[n * tokens + t] = position + t > 0 ? x[n][position + t - 1]
                                           : C.classes > 0  ? C.label_token(x.label(n))
                                                            : C.null_token();
        me.wait();
        const auto logits = cache.step(frozen, std::span<const Token>{next}.first(count * tokens), me);
        if (me.id() != 0) return;
        for (std::size_t i = 0; i < logits.size() && found.empty(); ++i) {
            const std::size_t row = i / C.vocab, n = row / tokens, t = position + row % tokens;
            if (const auto expected = whole[n][t * C.vocab + i % C.vocab]; logits[i] != expected)
                found = "sequence " + std::to_string(n) + ", token " + std::to_string(t) + ", logit " +
                        std::to_string(i % C.vocab) + ": " +
                        expected_got(std::to_string(expected), std::to_string(logits[i]));
        }
    });
    return found.empty() && cache.position() != C.context ? "not all tokens were fed" : found;
}

/// Loss and gradient of one call, as one number.
template <class Model>
std::uint64_t step_bits(const Model& model, const typename Model::Batch& batch) {
    typename Model::Workspace ws;
    typename Model::Params grad;
    ws.rng = Rng{5};
    const double loss = model.loss_and_grad(batch, ws, grad).loss;
    return support::hash_bits(std::span<const double>{&loss, 1}, support::hash_bits(grad));
}

}  // namespace

TEST_CASE_TEMPLATE_DEFINE("GptNet: every variant gives step by step the bits of the whole sequence, in every logit",
                          Model, variant_steps) {
    for (const std::size_t count : {1u, 5u})
        for (const std::size_t most : {1u, 5u})
            for (const std::size_t workers : {1u, 2u, 3u}) {
                CAPTURE(count);
                CAPTURE(most);
                CAPTURE(workers);
                CHECK(difference<Model>(count, most, workers) == "");
            }
}
TEST_CASE_TEMPLATE_APPLY(variant_steps, Variants);

TEST_CASE_TEMPLATE_DEFINE("GptNet: every variant gives the same bits with one, two and three threads", Model,
                          variant_threads) {
    const auto x = sequences<Model::config>(37, 2);
    const auto model = moved_model<Model>();
    CHECK(support::same_for_threads([&] { return step_bits(model, batch_of<Model>(x)); }));
    CHECK(support::same_for_threads([&] { return model.evaluate(x); }));
}
TEST_CASE_TEMPLATE_APPLY(variant_threads, Variants);

TEST_CASE_TEMPLATE_DEFINE("GptNet: every variant learns eight sequences, and sampling gives them back", Model,
                          variant_learns) {
    Rng rng{1};
    Model prior{rng, {.label_dropout = 0}};
    Trainer trainer{prior, AdamW{prior, {.lr = 4e-3}}, {.clip_norm = 1}};
    const auto x = sequences<Model::config>(8, 2);
    const double before = trainer.step(batch_of<Model>(x)).loss;
    for (int i = 0; i < 120; ++i) trainer.step(batch_of<Model>(x));
    const double after = prior.evaluate(x);
    CHECK(before == doctest::Approx(3.61).epsilon(0.05));  // ln 37
    CHECK(after < 0.5 * before);
    const auto drawn = sample(prior, 8, {.temperature = 0.1f, .labels = x.labels()}, rng);
    const auto view = x.view();
    for (std::size_t n = 0; n < 8; ++n) {
        std::size_t equal = 0;
        for (std::size_t m = 0; m < 8; ++m) {
            const bool same_class = x.labels().empty() || x.labels()[m] == x.labels()[n];
            equal += same_class && std::ranges::equal(drawn.view()[n], view[m]);
        }
        CAPTURE(n);
        CHECK(equal == 1);
    }
}
TEST_CASE_TEMPLATE_APPLY(variant_learns, Variants);

TEST_CASE("GptNet: the defaults are a GPT-2, in types and names") {
    constexpr GptConfig plain{.vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1};
    using Block = nn::Seq<nn::Residual<nn::LayerNorm, nn::CausalAttention<2>>,
                          nn::Residual<nn::LayerNorm, nn::Linear<32>, nn::Gelu, nn::Linear<8>>>;
    static_assert(std::is_same_v<GptBlockOf<plain>, Block> && std::is_same_v<GptBlock<8, 2>, Block>);
    static_assert(
        std::is_same_v<Gpt<plain>::Net, nn::BasicChain<float, Shape<5>, nn::Embedding<8, 8>, nn::Repeat<1, Block>,
                                                       nn::LayerNorm, nn::Linear<7, nn::no_bias>>>);
    static_assert(
        std::is_same_v<
            GptBlock<8, 2, 10>,
            nn::Seq<nn::Residual<nn::LayerNorm, nn::CausalAttention<2>, nn::Dropout<nn::Probability{.percent = 10}>>,
                    nn::Residual<nn::LayerNorm, nn::Linear<32>, nn::Gelu, nn::Linear<8>,
                                 nn::Dropout<nn::Probability{.percent = 10}>>>>);
    CHECK(Gpt<plain>::metadata() == NamedValues{{"heads", "2"}, {"classes", "0"}});
}

TEST_CASE("GptNet: the names of a variant without biases, with a tied head and without learned positions") {
    const auto names = support::names_of(Gpt<grid>::Params{});
    const std::vector<std::string> expected{"prior.0.weight",
                                            "prior.1.0.0.0.weight",
                                            "prior.1.0.0.1.in_proj_weight",
                                            "prior.1.0.0.1.out_proj.weight",
                                            "prior.1.0.1.0.weight",
                                            "prior.1.0.1.1.w1.weight",
                                            "prior.1.0.1.1.w3.weight",
                                            "prior.1.0.1.2.weight",
                                            "prior.1.1.0.0.weight",
                                            "prior.1.1.0.1.in_proj_weight",
                                            "prior.1.1.0.1.out_proj.weight",
                                            "prior.1.1.1.0.weight",
                                            "prior.1.1.1.1.w1.weight",
                                            "prior.1.1.1.1.w3.weight",
                                            "prior.1.1.1.2.weight",
                                            "prior.2.weight"};
    CHECK(names == expected);
}

TEST_CASE("GptNet: a file says which norm and positions it was trained with, and another model refuses it") {
    constexpr GptConfig sequence{
        .vocab = 7, .context = 6, .width = 8, .heads = 2, .layers = 1, .positions = GptPositions::rotary};
    constexpr GptConfig rows{.vocab = 7,
                             .context = 6,
                             .width = 8,
                             .heads = 2,
                             .layers = 1,
                             .positions = GptPositions::rotary_grid,
                             .columns = 3};
    constexpr GptConfig layer{.vocab = 7, .context = 6, .width = 8, .heads = 2, .layers = 1, .bias = false};
    constexpr GptConfig rms{
        .vocab = 7, .context = 6, .width = 8, .heads = 2, .layers = 1, .norm = GptNorm::rms_norm, .bias = false};
    Rng rng{1};
    const auto refused = [&]<class From, class To>(From from, To to) {
        io::SafetensorsFile file{io::collect(from).bytes(), "x"};
        return support::message<FormatError>([&] { io::load(file, to); });
    };
    CHECK(refused(Gpt<sequence>{rng}, Gpt<rows>{rng}) ==
          "io::load: x: positions: expected rotary, 3 columns, file has rotary");
    CHECK(refused(Gpt<rms>{rng}, Gpt<layer>{rng}) == "io::load: x: norm: expected layer_norm, file has rms_norm");
    Gpt<rows> original{rng}, copy{rng};
    io::SafetensorsFile file{io::collect(original).bytes(), "x"};
    io::load(file, copy);
    CHECK(support::hash_state(copy) == support::hash_state(original));
}

}  // namespace gpt_net_test
