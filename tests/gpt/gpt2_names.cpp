#include <tessera/gpt/gpt2_names.hpp>

#include <doctest/doctest.h>
#include <support/golden.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/io/load.hpp>
#include <tessera/io/safetensors_writer.hpp>
#include <tessera/io/save.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
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

/// The file that transformers wrote without what is no weight, and with `more`, under names that begin with `prefix`.
template <class More>
io::SafetensorsFile file_with(More more, const std::string& prefix = {}) {
    io::SafetensorsFile theirs{transformers_file};
    io::SafetensorsWriter writer;
    for (const io::TensorInfo& tensor : theirs.tensors()) {
        if (!tensor.name.starts_with("transformer.")) continue;
        std::vector<float> values((tensor.end - tensor.begin) / sizeof(float));
        theirs.read(tensor, std::span{values});
        more(writer, tensor, values);
        writer.add<float>(prefix + tensor.name, tensor.shape, values);
    }
    return io::SafetensorsFile{writer.bytes(), "x"};
}
void nothing(io::SafetensorsWriter&, const io::TensorInfo&, std::vector<float>&) {}

}  // namespace

TEST_CASE("gpt2_names: a file of more layers than the model is refused") {
    Rng rng{1};
    Gpt2 prior{rng};
    auto three = file_with([](io::SafetensorsWriter& writer, const io::TensorInfo& t, const std::vector<float>& v) {
        if (const std::size_t at = t.name.find(".h.1."); at != std::string::npos)
            writer.add<float>(t.name.substr(0, at) + ".h.2." + t.name.substr(at + 5), t.shape, v);
    });
    const std::string text =
        support::message<FormatError>([&] { io::load(three, {.rename = gpt2_names<io::Rename>(2)}, prior); });
    CHECK_MESSAGE(text.starts_with("io::load: x: 12 mismatches:\n  transformer.h.2.attn.c_attn.bias: not expected"),
                  text);
    CHECK_MESSAGE(support::contains(text, "no rename reads all names of \"transformer\""), text);
}

TEST_CASE("gpt2_names: the masks of the attention are left out without a word") {
    Rng rng{1};
    Gpt2 prior{rng};
    auto masks = file_with([](io::SafetensorsWriter& writer, const io::TensorInfo& t, const std::vector<float>&) {
        const std::size_t at = t.name.find(".attn.c_attn.bias");
        if (at == std::string::npos) return;
        const std::vector<float> ones(12 * 12, 1), one(1, -1e4f);
        writer.add<float>(t.name.substr(0, at) + ".attn.bias", std::vector<std::uint64_t>{1, 1, 12, 12}, ones);
        writer.add<float>(t.name.substr(0, at) + ".attn.masked_bias", std::vector<std::uint64_t>{}, one);
    });
    const io::LoadReport report = io::load(masks, {.rename = gpt2_names<io::Rename>(2)}, prior);
    CHECK((report.loaded.size() == 28 && report.unused.size() == 4));
    CHECK(logits_differ(prior) == "");
    CHECK(gpt2_names<io::Rename>(1, "")[4].constants ==
          std::vector<std::string>{"h.0.attn.bias", "h.0.attn.masked_bias"});
}

TEST_CASE("gpt2_names: lm_head.weight is accepted where it is the embedding, and refused where it is not") {
    Rng rng{1};
    Gpt2 prior{rng};
    const auto head = [](float more) {
        return [more](io::SafetensorsWriter& writer, const io::TensorInfo& t, std::vector<float> values) {
            if (t.name != "transformer.wte.weight") return;
            values[3] += more;
            writer.add<float>("lm_head.weight", t.shape, values);
        };
    };
    auto tied = file_with(head(0)), untied = file_with(head(1));
    CHECK(io::load(tied, {.rename = gpt2_names<io::Rename>(2)}, prior).unused ==
          std::vector<std::string>{"lm_head.weight"});
    CHECK(support::message<FormatError>([&] { io::load(untied, {.rename = gpt2_names<io::Rename>(2)}, prior); }) ==
          "io::load: x: lm_head.weight: expected the bits of transformer.wte.weight, which the model has for both, "
          "file has others; LoadOptions{.allow_unused = {\"lm_head\"}} loads without it");
    const std::vector<io::Rename> bare = gpt2_names<io::Rename>(2, "");  // the head lacks this prefix
    CHECK(support::contains(
        support::message<FormatError>([&] { io::load(untied, {.prefix = "transformer.", .rename = bare}, prior); }),
        "lm_head.weight: expected the bits of transformer.wte.weight"));
    CHECK(io::load(tied, {.prefix = "transformer.", .rename = bare}, prior).loaded.size() == 28);
    CHECK_NOTHROW(io::load(untied, {.rename = gpt2_names<io::Rename>(2), .allow_unused = {"lm_head"}}, prior));
}

TEST_CASE(
    "gpt2_names: an embedding that save_model wrote as lm_head.weight alone, with its name in the metadata, is read") {
    Rng rng{1};
    Gpt2 prior{rng};
    const auto saved = [](bool names_embedding) {
        io::SafetensorsFile theirs{transformers_file};
        io::SafetensorsWriter writer;
        for (const io::TensorInfo& t : theirs.tensors()) {
            if (!t.name.starts_with("transformer.")) continue;
            std::vector<float> values((t.end - t.begin) / sizeof(float));
            theirs.read(t, std::span{values});
            const bool is_embedding = t.name == "transformer.wte.weight";
            writer.add<float>(is_embedding ? "lm_head.weight" : t.name, t.shape, values);
            if (is_embedding && names_embedding) writer.metadata(t.name, "lm_head.weight");
        }
        return io::SafetensorsFile{writer.bytes(), "x"};
    };
    auto file = saved(true), nameless = saved(false);
    CHECK(io::load(file, {.rename = gpt2_names<io::Rename>(2)}, prior).loaded.size() == 28);
    CHECK(logits_differ(prior) == "");
    CHECK(support::contains(
        support::message<FormatError>([&] { io::load(nameless, {.rename = gpt2_names<io::Rename>(2)}, prior); }),
        "rename: no name begins with \"transformer.wte.\""));
}

TEST_CASE("gpt2_names: for a file with another prefix the message says which, and it loads") {
    Rng rng{1};
    Gpt2 prior{rng};
    for (const std::string prefix : {"model.", "module.", "_orig_mod.module."}) {
        auto file = file_with(nothing, prefix);
        CHECK(support::message<FormatError>([&] { io::load(file, {.rename = gpt2_names<io::Rename>(2)}, prior); }) ==
              "io::load: x: rename: no name begins with \"transformer.wte.\": every name begins with \"" + prefix +
                  "\": LoadOptions{.prefix = \"" + prefix + "\"} with these renames reads them");
        io::load(file, {.prefix = prefix, .rename = gpt2_names<io::Rename>(2)}, prior);
    }
    CHECK(logits_differ(prior) == "");
}

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
