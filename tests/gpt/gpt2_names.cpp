#include <tessera/gpt/gpt2_names.hpp>

#include <doctest/doctest.h>
#include <support/golden.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/io/load.hpp>
#include <tessera/io/save.hpp>

#include <string>
#include <vector>

using namespace tessera;

namespace gpt2_names_test {

namespace {

constexpr GptConfig small_gpt2{.vocab = 40, .context = 12, .width = 16, .heads = 2, .layers = 2, .tied = true};
using Gpt2 = Gpt<small_gpt2>;
const std::string transformers_file = TESSERA_TESTS_DIR "/golden/gpt2_transformers.safetensors";

std::string logits_differ(const Gpt2& prior) {
    const auto golden = support::load_golden("gpt2_transformers");
    std::vector<Token> tokens;
    for (const float t : golden.at("x").values) tokens.push_back(static_cast<Token>(t));
    const auto logits = prior.logits({tokens.data(), 3});
    return support::beyond_tolerance("logits", golden.at("logits").values, logits.data(), logits.span().size());
}

}  // namespace

TEST_CASE("gpt2_names: a GPT-2 that transformers has saved is loaded whole, and its logits are the same") {
    Rng rng{1};
    Gpt2 prior{rng};
    const io::LoadReport report =
        io::load(transformers_file, {.rename = gpt2_names<io::Rename>(2), .allow_unused = {"x", "logits"}}, prior);
    CHECK(report.missing.empty());
    CHECK(report.loaded.size() == 28);
    CHECK(logits_differ(prior) == "");
}

TEST_CASE(
    "gpt2_names: what io::save writes under these names has the names, shapes and bytes that transformers wrote") {
    Rng rng{1}, other{2};
    Gpt2 prior{rng}, again{other};
    io::load(transformers_file, {.rename = gpt2_names<io::Rename>(2), .allow_unused = {"x", "logits"}}, prior);
    const support::TemporaryFolder folder;
    const std::string path = folder / "ours.safetensors";
    io::save(path, {.rename = io::reversed(gpt2_names<io::Rename>(2))}, prior);
    io::SafetensorsFile theirs{transformers_file}, ours{path};
    std::size_t compared = 0;
    for (const io::TensorInfo& tensor : theirs.tensors()) {
        if (!tensor.name.starts_with("transformer.")) continue;
        const io::TensorInfo* same = ours.find(tensor.name);
        REQUIRE_MESSAGE(same, tensor.name);
        REQUIRE_MESSAGE(same->shape == tensor.shape, tensor.name);
        std::vector<float> a((tensor.end - tensor.begin) / sizeof(float)), b(a.size());
        theirs.read(tensor, std::span{a});
        ours.read(*same, std::span{b});
        CHECK_MESSAGE(a == b, tensor.name);
        ++compared;
    }
    CHECK(compared == 28);
    CHECK(ours.tensors().size() == 28);

    // without a prefix, as the model "gpt2" is published
    const std::string bare = folder / "bare.safetensors";
    io::save(bare, {.rename = io::reversed(gpt2_names<io::Rename>(2, ""))}, prior);
    io::load(bare, {.rename = gpt2_names<io::Rename>(2, "")}, again);
    CHECK(logits_differ(again) == "");
}

TEST_CASE("gpt2_names: a file whose linear maps are those of nanoGPT is refused, with the shapes") {
    Rng rng{1};
    Gpt2 prior{rng};
    const std::string nano = TESSERA_TESTS_DIR "/golden/gpt2.safetensors";
    const std::string text = support::message<FormatError>([&] {
        io::load(nano, {.rename = gpt2_names<io::Rename>(2), .allow_unused = {"x", "logits"}}, prior);
    });
    CHECK_MESSAGE(
        support::contains(text, "prior.1.0.0.1.in_proj_weight: expected 48x16, file has 16x48 after its transposition"),
        text);
}

}  // namespace gpt2_names_test
