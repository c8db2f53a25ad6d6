#pragma once
// Small priors with weights away from their initialisation, and sequences for them.

#include <tessera/core/rng.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/gpt.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace support {

inline constexpr tessera::GptConfig tiny_gpt{
    .vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 2, .classes = 3};

/// The same with the block of LLaMA, and rotary positions: of a grid where it has columns.
constexpr tessera::GptConfig with_llama_block(tessera::GptConfig config, std::size_t columns = 0) {
    config.norm = tessera::GptNorm::rms_norm;
    config.mlp = tessera::GptMlp::swiglu;
    config.positions = columns > 0 ? tessera::GptPositions::rotary_grid : tessera::GptPositions::rotary;
    config.columns = columns;
    config.bias = false;
    return config;
}

/// Random sequences, labelled at random where there are classes.
template <tessera::GptConfig C>
tessera::data::Tokens<C.context> sequences(std::size_t count, std::uint64_t seed) {
    tessera::Rng rng{seed};
    std::vector<tessera::Token> tokens(count * C.context);
    std::vector<tessera::Label> labels(C.classes > 0 ? count : 0);
    for (auto& t : tokens) t = static_cast<tessera::Token>(rng.below(static_cast<std::uint32_t>(C.vocab)));
    for (auto& l : labels) l = tessera::Label{rng.below(static_cast<std::uint32_t>(C.classes))};
    return tessera::data::Tokens<C.context>{std::move(tokens), std::move(labels), C.classes};
}

/// At its initialisation most gradients of a prior are almost zero, so every weight is moved.
template <class Model>
Model moved_model(tessera::GptOptions options = {}, float by = 0.3f) {
    tessera::Rng rng{1};
    Model model{rng, options};
    Model::Params::each(
        [&](const tessera::ParamPath&, auto& leaf) {
            for (auto& v : leaf.span()) v += static_cast<typename Model::Scalar>(rng.uniform(-by, by));
        },
        model.params());
    return model;
}

template <class Model>
typename Model::Batch batch_of(const tessera::data::Tokens<Model::context>& x) {
    return {x.view(), x.labels(), 0};
}

}  // namespace support
