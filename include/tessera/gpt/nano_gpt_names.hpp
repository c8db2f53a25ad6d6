#pragma once
// nano_gpt_names: the names that nanoGPT gives the weights of a GPT-2, and those that a Gpt gives them.
//
//     using Prior = Gpt<GptConfig{
//         .vocab = 50256, .context = 1024, .width = 768, .heads = 12, .layers = 12, .tied = true}>;
//     io::load("gpt2.safetensors", {.rename = nano_gpt_names<io::Rename>(12), .allow_unused = {"lm_head"}}, prior);
//
// The file has nanoGPT's names and layout, where linear maps are [out, in]. Files of Hugging Face have the same names
// and transposed maps: gpt2_names.hpp. io::reversed gives the names for io::save. The last token of the vocabulary,
// <|endoftext|>, is the null class, with which a sequence begins: .vocab is one less than nanoGPT's. GELU must be the
// tanh form, as in GPT-2.
//
// Errors   those of io::load: a name without a tensor, or a tensor of another shape

#include <tessera/core/abi.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Rename: an aggregate of two strings, the beginning of a name in the file and of the model's (io::Rename, which this
/// room does not know).
template <class Rename>
[[nodiscard]] std::vector<Rename> nano_gpt_names(std::size_t layers) {
    std::vector<Rename> all{{"transformer.wte.", "prior.0.token."},
                            {"transformer.wpe.", "prior.0.position."},
                            {"transformer.ln_f.", "prior.2."}};
    for (std::size_t i = 0; i < layers; ++i) {
        const std::string from = "transformer.h." + std::to_string(i), to = "prior.1." + std::to_string(i);
        all.push_back({from + ".ln_1.", to + ".0.0."});
        all.push_back({from + ".attn.c_attn.", to + ".0.1.in_proj_"});
        all.push_back({from + ".attn.c_proj.", to + ".0.1.out_proj."});
        all.push_back({from + ".ln_2.", to + ".1.0."});
        all.push_back({from + ".mlp.c_fc.", to + ".1.1."});
        all.push_back({from + ".mlp.c_proj.", to + ".1.3."});
    }
    return all;
}

}  // namespace tessera
