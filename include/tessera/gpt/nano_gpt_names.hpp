#pragma once
// nano_gpt_names: the names that nanoGPT gives the weights of a GPT-2, and those that a Gpt gives them.
//
//     using Prior = Gpt<GptConfig{
//         .vocab = 50256, .context = 1024, .width = 768, .heads = 12, .layers = 12, .tied = true}>;
//     io::load("gpt2.safetensors", {.rename = nano_gpt_names<io::Rename>(12)}, prior);
//
// The file has nanoGPT's names and layout, where linear maps are [out, in]. Files of Hugging Face have the same names
// and transposed maps: gpt2_names.hpp. io::reversed gives the names for io::save. The last token of the vocabulary,
// <|endoftext|>, is the null class, with which a sequence begins: .vocab is one less than nanoGPT's. GELU must be the
// tanh form, as in GPT-2.
//
// A file may have the masks of the attention (attn.bias, attn.masked_bias), and lm_head.weight where it has the bits of
// transformer.wte.weight: the Gpt must be tied. A separate output map is refused. safetensors.torch.save_model writes
// lm_head.weight alone, and in the metadata that it is transformer.wte.weight, too: it is read so.
//
// Errors   those of io::load: a name without a tensor, a tensor of another shape, or one of more layers

#include <tessera/core/abi.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// What else the file may have, for a Rename that can say it.
template <class Rename>
void add_masks(Rename& rename, const std::string& attention) {
    if constexpr (requires { rename.constants; }) rename.constants = {attention + ".bias", attention + ".masked_bias"};
}
template <class Rename>
void add_tied_head(Rename& embedding) {
    if constexpr (requires { embedding.copies; }) embedding.copies = {"lm_head."};
}
}  // namespace detail

/// Rename: an aggregate of two strings, the beginning of a name in the file and of the model's (io::Rename, which this
/// room does not know).
template <class Rename>
[[nodiscard]] std::vector<Rename> nano_gpt_names(std::size_t layers) {
    std::vector<Rename> all{{"transformer.wte.", "prior.0.token."},
                            {"transformer.wpe.", "prior.0.position."},
                            {"transformer.ln_f.", "prior.2."}};
    detail::add_tied_head(all[0]);
    for (std::size_t i = 0; i < layers; ++i) {
        const std::string from = "transformer.h." + std::to_string(i), to = "prior.1." + std::to_string(i);
        all.push_back({from + ".ln_1.", to + ".0.0."});
        all.push_back({from + ".attn.c_attn.", to + ".0.1.in_proj_"});
        detail::add_masks(all.back(), from + ".attn");
        all.push_back({from + ".attn.c_proj.", to + ".0.1.out_proj."});
        all.push_back({from + ".ln_2.", to + ".1.0."});
        all.push_back({from + ".mlp.c_fc.", to + ".1.1."});
        all.push_back({from + ".mlp.c_proj.", to + ".1.3."});
    }
    return all;
}

}  // namespace tessera
