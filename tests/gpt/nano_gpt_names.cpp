#include <tessera/gpt/nano_gpt_names.hpp>

#include <doctest/doctest.h>
#include <support/golden.hpp>
#include <support/message.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/io/load.hpp>

#include <string>
#include <vector>

using namespace tessera;

namespace nano_gpt_names_test {

namespace {

template <std::size_t Layers>
using Prior = Gpt<GptConfig{.vocab = 40, .context = 12, .width = 16, .heads = 2, .layers = Layers, .tied = true}>;
const std::string path = TESSERA_TESTS_DIR "/golden/gpt2.safetensors";

}  // namespace

TEST_CASE("nano_gpt_names: a GPT-2 with nanoGPT's names is loaded whole, and its logits are those of PyTorch") {
    Rng rng{1};
    Prior<2> prior{rng};
    const io::LoadReport report =
        io::load(path, {.rename = nano_gpt_names<io::Rename>(2), .allow_unused = {"x", "logits"}}, prior);
    CHECK(report.missing.empty());
    CHECK(report.loaded.size() == 28);
    const auto golden = support::load_golden("gpt2");
    std::vector<Token> tokens;
    for (const float t : golden.at("x").values) tokens.push_back(static_cast<Token>(t));
    const auto logits = prior.logits({tokens.data(), 3});
    CHECK(support::beyond_tolerance("logits", golden.at("logits").values, logits.data(), logits.span().size()) == "");
}

TEST_CASE("nano_gpt_names: a file of more layers than the model, and of fewer, is refused") {
    Rng rng{1};
    Prior<1> one{rng};
    Prior<3> three{rng};
    const auto refused = [](auto& prior, std::size_t layers) {
        return support::message<FormatError>([&] {
            io::load(path, {.rename = nano_gpt_names<io::Rename>(layers), .allow_unused = {"x", "logits"}}, prior);
        });
    };
    const std::string more = refused(one, 1);
    CHECK_MESSAGE(more.find("12 mismatches:\n  transformer.h.1.attn.c_attn.bias: not expected") != std::string::npos,
                  more);
    CHECK(refused(one, 2).find("prior.1.1.0.0.weight") != std::string::npos);
    CHECK(refused(three, 2).find("prior.1.2.0.0.weight") != std::string::npos);
    CHECK(refused(three, 3).find("rename: no name begins with \"transformer.h.2.ln_1.\"") != std::string::npos);
}

TEST_CASE("nano_gpt_names: a type for renames needs no more than two names") {
    struct Names {
        std::string from, to;
    };
    CHECK(nano_gpt_names<Names>(1).size() == 9);
    CHECK(nano_gpt_names<io::Rename>(1)[0].copies == std::vector<std::string>{"lm_head."});
    CHECK(nano_gpt_names<io::Rename>(1)[4].constants ==
          std::vector<std::string>{"transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias"});
}

}  // namespace nano_gpt_names_test
