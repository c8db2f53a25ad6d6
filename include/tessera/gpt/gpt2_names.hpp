#pragma once
// gpt2_names: the names and layout that Hugging Face gives the weights of a GPT-2, and those that a Gpt gives them.
//
//     using Prior = Gpt<GptConfig{
//         .vocab = 50256, .context = 1024, .width = 768, .heads = 12, .layers = 12, .tied = true}>;
//     io::load("model.safetensors", {.rename = gpt2_names<io::Rename>(12, "")}, prior);
//     io::save("ours.safetensors", {.rename = io::reversed(gpt2_names<io::Rename>(12))}, prior);
//
// The names are nanoGPT's (nano_gpt_names.hpp, which says what the model must be), and the linear maps are [in, out]: a
// Conv1D of the library transformers. Files that GPT2LMHeadModel.save_pretrained writes have the prefix "transformer.";
// those of the model "gpt2" have none. A saved file lacks lm_head.weight, which is the tied embedding: from_pretrained
// ties it again; a file that has it is read as nano_gpt_names.hpp says.
//
// Errors   those of io::load and io::save: a name without a tensor, a tensor of another shape, or one of more layers

#include <tessera/core/abi.hpp>
#include <tessera/gpt/nano_gpt_names.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Rename: an aggregate of two strings and whether matrices are transposed (io::Rename, which this room does not know).
template <class Rename>
[[nodiscard]] std::vector<Rename> gpt2_names(std::size_t layers, std::string_view prefix = "transformer.") {
    constexpr std::string_view of_nano_gpt = "transformer.";
    std::vector<Rename> all = nano_gpt_names<Rename>(layers);
    const auto of_file = [&](const std::string& name) { return std::string{prefix} + name.substr(of_nano_gpt.size()); };
    for (Rename& r : all) {
        // LayerNorm has no matrix, and embeddings are [tokens, width] in both
        r.transposed = r.from.starts_with("transformer.h.") && r.from.find(".ln_") == std::string::npos;
        r.from = of_file(r.from);
        if constexpr (requires { r.constants; })
            for (std::string& name : r.constants) name = of_file(name);
    }
    return all;
}

}  // namespace tessera
