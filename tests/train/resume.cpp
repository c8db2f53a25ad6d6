// What a file may overrule when a run is resumed, through a Trainer and the library's own models.

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/loss/l1.hpp>
#include <tessera/optim/adam.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/muon.hpp>
#include <tessera/optim/weight_ema.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

using namespace tessera;
using support::contains;
using support::message;

namespace resume_test {

namespace {

using Vae = support::TinyVae<float>;
constexpr GptConfig config{.vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1, .classes = 3};
using Prior = Gpt<config>;
using Names = std::vector<std::string>;

Vae vae_of(std::uint64_t seed, CodebookOptions options = {}) {
    Rng rng{seed};
    return Vae{rng, options};
}
const auto& images() {
    static const auto set = support::bars(40, 2);
    return set;
}
template <class... M>
io::SafetensorsFile file_of(const M&... models) {
    return io::SafetensorsFile{io::collect(models...).bytes(), "x"};
}
bool has(const Names& names, const char* name) { return std::ranges::find(names, name) != names.end(); }

/// Some steps, each with the first batch of a new order.
template <class T>
void steps(T& trainer, int count) {
    for (int i = 0; i < count; ++i)
        for (auto&& batch : batches(images(), 16, {.rng = Rng{4}.split(trainer.steps())})) {
            trainer.step(batch);
            break;
        }
}

}  // namespace

TEST_CASE("resume: the loop with one generator, saved between two passes, ends in the bits of a run that "
          "never stopped") {
    constexpr int epochs = 4;
    std::vector<Bytes> saved;
    std::uint64_t whole = 0;
    {
        Rng rng{42};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        for (int epoch = 0; epoch < epochs; ++epoch) {
            for (auto&& batch : batches(images(), 16, rng)) trainer.step(batch);
            saved.push_back(io::collect(trainer, rng).bytes());
        }
        whole = support::hash_state(trainer);
    }
    for (int done = 1; done < epochs; ++done) {
        CAPTURE(done);
        io::SafetensorsFile file{saved[static_cast<std::size_t>(done - 1)], "x"};
        Rng rng{42};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        io::load(file, trainer, rng);
        for (int epoch = done; epoch < epochs; ++epoch)
            for (auto&& batch : batches(images(), 16, rng)) trainer.step(batch);
        CHECK(support::hash_state(trainer) == whole);
    }
}

TEST_CASE("resume: with a DataPosition, after any step") {
    constexpr std::uint64_t epochs = 2;
    std::vector<Bytes> saved;
    const auto run = [&](std::optional<Bytes> from) {
        Rng rng{42};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}, {.accumulate = 2}};
        DataPosition position{rng};
        if (from) {
            io::SafetensorsFile file{*from, "x"};
            io::load(file, trainer, position);
        }
        while (position.passes() < epochs)
            for (auto&& batch : batches(images(), 16, position)) {
                trainer.step(batch);
                if (!from) saved.push_back(io::collect(trainer, position).bytes());
            }
        return support::hash_state(trainer);
    };
    const std::uint64_t whole = run(std::nullopt);
    REQUIRE(saved.size() == 6);
    for (std::size_t i = 0; i < saved.size(); ++i) {
        CAPTURE(i);
        CHECK(run(saved[i]) == whole);
    }
}

TEST_CASE("resume: Muon ends in the bits of a run that never stopped, with any threads; a file of AdamW is refused") {
    const auto data = support::sequences<config>(6 * 16, 2);
    const auto run = [&](std::optional<std::size_t> stop) {
        Rng rng{1}, other{2};
        std::optional<Prior> prior{std::in_place, rng};
        MuonOptions options{.lr = 8e-3, .adamw_scale = 0.25};
        Bytes saved;
        {
            Trainer trainer{*prior, Muon{*prior, options}, {.clip_norm = 1}};
            for (auto&& batch : batches(data, 16, {.first = 0})) {
                if (trainer.steps() == stop) break;
                trainer.step(batch);
            }
            if (!stop) return support::hash_state(trainer);
            saved = io::collect(trainer).bytes();
        }
        Prior resumed{other};
        Trainer trainer{resumed, Muon{resumed, options}, {.clip_norm = 1}};
        io::SafetensorsFile file{saved, "x"};
        io::load(file, trainer);
        for (auto&& batch : batches(data, 16, {.first = *stop})) trainer.step(batch);
        return support::hash_state(trainer);
    };
    const std::uint64_t whole = run(std::nullopt);
    for (const std::size_t stop : {1, 3, 5}) CHECK(support::equal_values(whole, run(stop)));
    CHECK(support::same_for_threads([&] { return run(std::nullopt); }));

    Rng rng{1};
    Prior prior{rng};
    Trainer with_adamw{prior, AdamW{prior}};
    auto file = file_of(with_adamw);
    Trainer with_muon{prior, Muon{prior}};
    const std::string refused = message<FormatError>([&] { io::load(file, with_muon); });
    CHECK(contains(refused, "muon.m.prior.0.token.weight: expected 11x8, missing in the file"));
    CHECK(contains(refused, "the file has 59 tensors: adam (36), prior (17), trainer (6)"));
}

TEST_CASE("resume: another learning rate is refused; accepted by name, the host's is used and the run continues") {
    Vae vae = vae_of(1), other = vae_of(2);
    Trainer trainer{vae, AdamW{vae, {.lr = 2e-3}}, {.clip_norm = 1}};
    steps(trainer, 3);
    auto file = file_of(trainer);
    Trainer resumed{other, AdamW{other, {.lr = 1e-4}}, {.clip_norm = 2}};
    const auto before = support::hash_state(resumed);
    CHECK(message<FormatError>([&] { io::load(file, resumed); }) ==
          "io::load: x: 2 mismatches:\n"
          "  lr: expected 1e-04, file has 0.002; LoadOptions{.accept = {\"lr\"}} keeps 1e-04\n"
          "  clip_norm: expected 2, file has 1; LoadOptions{.accept = {\"clip_norm\"}} keeps 2");
    CHECK(support::hash_state(resumed) == before);
    // a program with its own way to accept a setting names it
    const auto own = [](std::string_view key, std::string_view value) {
        return key == "lr" ? "--accept lr keeps " + std::string{value} : std::string{};
    };
    CHECK(message<FormatError>([&] { io::load(file, {.remedy = own}, resumed); }) ==
          "io::load: x: 2 mismatches:\n"
          "  lr: expected 1e-04, file has 0.002; --accept lr keeps 1e-04\n"
          "  clip_norm: expected 2, file has 1");

    const io::LoadReport report = io::load(file, {.accept = {"clip_norm", "lr"}}, resumed);
    REQUIRE(report.accepted.size() == 2);
    CHECK((report.accepted[0].name == "trainer.lr" && report.accepted[0].file == "0.002" &&
           report.accepted[0].host == "1e-04"));
    CHECK(!has(report.loaded, "adam.lr"));
    CHECK((resumed.steps() == 3 && resumed.optimizer().lr() == 1e-4 && resumed.optimizer().steps() == 3));
    // the same as a run that changes its rate at this step
    Vae third = vae_of(3);
    Trainer slower{third, AdamW{third, {.lr = 1e-4}}, {.clip_norm = 1}};
    io::load(file, {.accept = {"lr"}}, slower);
    trainer.optimizer().set_lr(1e-4);
    steps(trainer, 2);
    steps(slower, 2);
    CHECK(slower.steps() == 5);
    CHECK(support::hash_state(slower) == support::hash_state(trainer));
}

TEST_CASE(
    "resume: a rate that was set by a schedule or by hand comes from the file, and does not count as a difference") {
    Vae vae = vae_of(1), other = vae_of(2);
    Trainer trainer{vae, AdamW{vae}}, resumed{other, AdamW{other}};
    trainer.optimizer().set_lr(3e-4);
    auto file = file_of(trainer);
    io::load(file, resumed);
    CHECK(resumed.optimizer().lr() == 3e-4);
}

TEST_CASE("resume: every option of a trainer and its optimiser is compared") {
    Vae vae = vae_of(1), other = vae_of(2);
    Trainer trainer{vae, AdamW{vae}};
    auto file = file_of(trainer);
    const auto told = [&](const AdamWOptions& adam, const TrainerOptions& options) {
        Trainer resumed{other, AdamW{other, adam}, options};
        const std::string text = message<FormatError>([&] { io::load(file, resumed); });
        return text.substr(0, text.find(';'));
    };
    CHECK(told({.beta1 = 0.5}, {}) == "io::load: x: beta1: expected 0.5, file has 0.9");
    CHECK(told({.beta2 = 0.5}, {}) == "io::load: x: beta2: expected 0.5, file has 0.999");
    CHECK(told({.eps = 1}, {}) == "io::load: x: eps: expected 1, file has 1e-08");
    CHECK(told({.weight_decay = 0.5}, {}) == "io::load: x: weight_decay: expected 0.5, file has 0.01");
    CHECK(told({.lr_scale = {{"encoder", 0.5}}}, {}) == "io::load: x: lr_scale: expected encoder 0.5, file has none");
    CHECK(told({}, {.reject_above = 3}) == "io::load: x: reject_above: expected 3, file has 0");
    CHECK(told({}, {.seed = 3}) == "io::load: x: seed: expected 3, file has of the model");
    Trainer adam{other, Adam{other, {.weight_decay = 1e-2}}};
    CHECK(message<FormatError>([&] { io::load(file, adam); }) ==
          "io::load: x: optimizer: expected Adam, file has AdamW");
    CHECK(message<ArgumentError>([&] { io::load(file, {.accept = {"optimizer"}}, adam); }) ==
          "io::load: accept: optimizer is not a setting: it must agree with the file");
}

TEST_CASE("resume: a setting that is accepted and agrees leaves the file's state in force") {
    Vae vae = vae_of(1), other = vae_of(2);
    Trainer trainer{vae, AdamW{vae, {.lr = 2e-3}}};
    steps(trainer, 2);
    trainer.optimizer().set_lr(5e-4);  // a schedule, in the middle
    auto file = file_of(trainer);
    Trainer resumed{other, AdamW{other, {.lr = 2e-3}}};
    io::load(file, {.accept = {"lr", "seed"}}, resumed);
    CHECK(resumed.optimizer().lr() == 5e-4);
    steps(trainer, 2);
    steps(resumed, 2);
    CHECK(support::hash_state(resumed) == support::hash_state(trainer));
}

TEST_CASE("resume: another kind of loss is refused") {
    Vae vae = vae_of(1);
    auto file = file_of(vae);
    Rng rng{2};
    VqVae<support::TinyEncoder<float>, Codebook<8>, support::TinyDecoder<float>, L1> other{rng};
    CHECK(message<FormatError>([&] { io::load(file, other); }) ==
          "io::load: x: loss: expected L1, file has Mse; LoadOptions{.accept = {\"loss\"}} keeps L1");
    CHECK(io::load(file, {.accept = {"loss"}}, other).accepted.size() == 1);
}

TEST_CASE("resume: with another `accumulate` the accumulation starts again; with another `reject_spikes` no norm is "
          "known yet") {
    Vae vae = vae_of(1), other = vae_of(2);
    Trainer trainer{vae, AdamW{vae}, {.reject_spikes = 1000, .accumulate = 3}};
    steps(trainer, 4);  // one batch is held
    auto file = file_of(trainer);
    Trainer resumed{other, AdamW{other}, {.accumulate = 1}};
    const io::LoadReport report = io::load(file, {.accept = {"accumulate", "reject_spikes"}}, resumed);
    CHECK(report.accepted.size() == 2);
    CHECK((resumed.steps() == 1 && resumed.batches() == 4 && !has(report.loaded, "trainer.held")));
    CHECK(has(report.unused, "trainer.recent.norms"));
    CHECK_NOTHROW(steps(resumed, 1));

    auto single = file_of(resumed);
    Trainer more{other, AdamW{other}, {.reject_spikes = 1000, .accumulate = 2}};
    io::load(single, {.accept = {"accumulate", "reject_spikes"}}, more);
    CHECK_NOTHROW(steps(more, 2));
    CHECK((more.steps() == 3 && more.batches() == 7));
}

TEST_CASE("resume: the options of a VqVae and of a Gpt are compared, in a trainer and alone") {
    Vae vae = vae_of(1);
    Trainer trainer{vae, AdamW{vae}};
    auto whole = file_of(trainer), alone = file_of(vae);
    const auto told = [&](const CodebookOptions& options) {
        Vae other = vae_of(2, options);
        Trainer resumed{other, AdamW{other}};
        const std::string text = message<FormatError>([&] { io::load(whole, resumed); });
        CHECK(message<FormatError>([&] { io::load(alone, other); }) == text);
        return text.substr(0, text.find(';'));
    };
    CHECK(told({.commitment = 1}) == "io::load: x: commitment: expected 1, file has 0.25");
    CHECK(told({.ema = {.decay = 0.95}}) == "io::load: x: ema.decay: expected 0.95, file has 0.99");
    CHECK(told({.ema = {.eps = 1}}) == "io::load: x: ema.eps: expected 1, file has 1e-05");
    CHECK(told({.revive = {.below = 0.5}}) == "io::load: x: revive.below: expected 0.5, file has 0.1");
    CHECK(told({.revive = {.grace = 3}}) == "io::load: x: revive.grace: expected 3, file has 20");
    CHECK(told({.kmeans = false}) == "io::load: x: kmeans: expected false, file has true");
    Vae other = vae_of(2, {.ema = {.decay = 0.95, .eps = 1}});
    CHECK(io::load(alone, {.accept = {"ema"}}, other).accepted.size() == 2);

    Rng rng{1};
    Prior prior{rng}, second{rng, {.label_dropout = 0.5}};
    auto tokens = file_of(prior);
    CHECK(contains(message<FormatError>([&] { io::load(tokens, second); }),
                   "label_dropout: expected 0.5, file has 0.1; LoadOptions{.accept = {\"label_dropout\"}} keeps 0.5"));
}

TEST_CASE("resume: a model can be loaded from its trainer's file, and its heads are compared") {
    using Four = Gpt<GptConfig{.vocab = 9, .context = 5, .width = 16, .heads = 4, .layers = 1}>;
    using Two = Gpt<GptConfig{.vocab = 9, .context = 5, .width = 16, .heads = 2, .layers = 1}>;
    Rng rng{1};
    Four four{rng}, same{rng};
    Two two{rng};
    Trainer trainer{four, AdamW{four}};
    auto file = file_of(trainer);
    io::load(file, same);
    CHECK(support::hash_state(same) == support::hash_state(four));
    CHECK(message<FormatError>([&] { io::load(file, two); }) == "io::load: x: heads: expected 2, file has 4");
}

TEST_CASE("resume: weights without metadata, from another program: heads are named as unchecked") {
    Rng rng{1};
    Prior prior{rng}, other{rng};
    io::SafetensorsWriter writer;
    Prior::each_state(
        [&]<class L>(const ParamPath& path, const L& leaf) {
            std::vector<float> values(L::Dims::size);
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = leaf[L::from_file_index(i)];
            const auto dims = L::file_dims();
            writer.add<float>(path.str(), std::vector<std::uint64_t>{dims.begin(), dims.end()}, values);
        },
        prior);
    io::SafetensorsFile file{writer.bytes(), "x"};
    const io::LoadReport report = io::load(file, other);
    CHECK(report.unchecked ==
          Names{"gpt.heads", "gpt.classes", "gpt.label_dropout", "gpt.token_corruption", "gpt.dropout_percent"});
    CHECK(support::hash_state(other) == support::hash_state(prior));
}

TEST_CASE("resume: a file needs only the vectors of the codebook; their averages are computed from them") {
    Vae vae = vae_of(1), decoder = vae_of(2);
    Trainer trainer{vae, AdamW{vae}};
    steps(trainer, 3);
    io::SafetensorsWriter writer;
    Vae::each_state(
        [&]<class L>(const ParamPath& path, const L& leaf) {
            const std::string name = path.str();
            if (name == "quantizer.started" || (name.starts_with("codebook.") && name != "codebook.weight")) return;
            std::vector<typename L::Scalar> values(L::Dims::size);
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = leaf[L::from_file_index(i)];
            const auto dims = L::file_dims();
            writer.add<typename L::Scalar>(name, std::vector<std::uint64_t>{dims.begin(), dims.end()}, values);
        },
        vae);
    io::SafetensorsFile file{writer.bytes(), "x"};
    const io::LoadReport report = io::load(file, decoder);
    CHECK(report.missing == Names{"codebook.count", "codebook.sum", "codebook.grace", "quantizer.started"});

    Tensor<float, Vae::Input> x{4};
    for (std::size_t i = 0; i < 4; ++i) images().copy(i, x[i]);
    const auto expected = vae.reconstruct(x), got = decoder.reconstruct(x);
    CHECK(support::equal_values(expected.view().span(), got.view().span()));
    // training continues from these vectors: neither k-means nor an average of other vectors replaces them
    const auto& book = decoder.buffers().book;
    Vae::each_state(
        [](const ParamPath& path, const auto& leaf) {
            if (path.str() == "quantizer.started") CHECK(leaf[0] == 1);
        },
        decoder);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < book.sum.span().size(); ++i) wrong += book.sum[i] != book.weight[i];
    CHECK(wrong == 0);
    CHECK(std::ranges::all_of(book.count.span(), [](float n) { return n == 1; }));

    // the state of a trainer must be complete, unless the host loads weights only
    Trainer resumed{decoder, AdamW{decoder}};
    CHECK(contains(message<FormatError>([&] { io::load(file, resumed); }), "codebook.count"));
    Vae fine = vae_of(3);
    Trainer tuned{fine, AdamW{fine}};
    const io::LoadReport weights =
        io::load(file, {.allow_missing = {"codebook", "quantizer", "adam", "trainer"}}, tuned);
    CHECK((has(weights.missing, "adam.step") && tuned.steps() == 0 && fine.buffers().book.count[0] == 1));
    CHECK_NOTHROW(steps(tuned, 1));
}

TEST_CASE("resume: what a file lacks of another model does not initialise a loaded codebook again") {
    Vae vae = vae_of(1), other = vae_of(2);
    Trainer trainer{vae, AdamW{vae}}, resumed{other, AdamW{other}};
    steps(trainer, 3);
    auto file = file_of(trainer);
    WeightEma<Vae::Params> average;
    const io::LoadReport report = io::load(file, {.allow_missing = {"ema", "decay", "warmup"}}, resumed, average);
    CHECK(has(report.missing, "ema.updates"));
    CHECK(support::hash_state(other) == support::hash_state(vae));
    steps(trainer, 1);
    steps(resumed, 1);
    CHECK(support::hash_state(other) == support::hash_state(vae));
}

TEST_CASE("resume: averaged weights are saved, and their decay is compared") {
    Vae vae = vae_of(1);
    WeightEma<Vae::Params> average, other{{.decay = 0.5}}, same;
    average.update(vae.params());
    auto file = file_of(average);
    CHECK(message<FormatError>([&] { io::load(file, other); }) ==
          "io::load: x: decay: expected 0.5, file has 0.999; LoadOptions{.accept = {\"decay\"}} keeps 0.5");
    io::load(file, same);
    CHECK(same.updates() == 1);
    CHECK(support::hash_state(same) == support::hash_state(average));
}

}  // namespace resume_test
