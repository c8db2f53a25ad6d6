#pragma once
// GptConfig: the constants that define the type of a prior; vocabulary and context come from the first stage.
//
//     GptConfig{.vocab = Vae::codes, .context = Vae::tokens, .width = 128, .heads = 4, .layers = 4, .classes = 10}
//     GptConfig{..., .norm = GptNorm::rms_norm, .mlp = GptMlp::swiglu, .positions = GptPositions::rotary,
//               .bias = false}
//
// The defaults are a GPT-2; the second line is the block of LLaMA. A prior with a block of the user's reads vocab,
// context, width, layers, classes, norm (the last one), bias (its), positions (learned or not) and tied.

#include <tessera/core/label.hpp>
#include <tessera/core/token.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

enum class GptNorm : unsigned char { layer_norm, rms_norm };
/// gelu: two matrices and four times the width; swiglu: three, and 8/3 of the width, rounded up to a multiple of 32.
enum class GptMlp : unsigned char { gelu, swiglu };
/// learned: added to the embedding of a token; rotary: of queries and keys, by position or by row and column.
enum class GptPositions : unsigned char { learned, rotary, rotary_grid };

struct GptConfig {
    std::size_t vocab = 0;            ///< size of the vocabulary: tokens 0 .. vocab - 1
    std::size_t context = 0;          ///< tokens of a sequence
    std::size_t width = 128;          ///< channels of the residual stream
    std::size_t heads = 4;            ///< of the attention; they divide the width
    std::size_t layers = 4;           ///< blocks
    std::size_t classes = 0;          ///< labels 0 .. classes - 1; one more, the null class, stands for "any"
    std::size_t dropout_percent = 0;  ///< 100 p of the Dropout at the end of each branch, see nn::Probability
    std::size_t kv_heads = 0;         ///< heads of keys and values; they divide the heads. 0: as many
    GptNorm norm = GptNorm::layer_norm;
    GptMlp mlp = GptMlp::gelu;
    GptPositions positions = GptPositions::learned;
    std::size_t columns = 0;  ///< of the grid of tokens, only with rotary_grid; they divide the context
    bool tied = false;        ///< whether the logits are products with the embeddings of the tokens
    bool bias = true;         ///< of the blocks' linear maps and of LayerNorm; the head has none

    /// Rows of the embedding: tokens, labels, the null class.
    [[nodiscard]] constexpr std::size_t embeddings() const { return vocab + classes + 1; }
    /// The first token of a sequence with that label.
    [[nodiscard]] constexpr Token label_token(Label label) const { return static_cast<Token>(vocab + label.index); }
    [[nodiscard]] constexpr Token null_token() const { return static_cast<Token>(vocab + classes); }
};

/// A valid configuration. A concept over the configuration, so that compilers print it.
template <GptConfig C>
concept UsableGptConfig = (C.vocab > 0) && (C.context > 0) && (C.width > 0) && (C.heads > 0) && (C.layers > 0) &&
                          (C.vocab < no_token) && (C.classes < no_token) && (C.embeddings() < no_token) &&
                          (C.dropout_percent < 100);
template <GptConfig C>
concept HeadsDivideGptWidth = C.heads > 0 && C.width % (C.heads > 0 ? C.heads : 1) == 0;

}  // namespace tessera
