#pragma once
// FrozenGpt: the weights of a Gpt packed once, for logits, evaluation and sampling.
//
//     const auto frozen = prior.freeze();
//     sample(frozen, 16, {.temperature = 0.9f}, rng);                  gpt/sample.hpp
//     KvCache<Prior> cache{16};   cache.step(frozen, tokens)           gpt/kv_cache.hpp
//
// All functions are const, so threads may share one object. Later steps of the model do not change it.
//
// Shapes   sequences [batch, context], logits [batch, context x vocab]
// Errors   ArgumentError for an empty dataset, one without labels where the prior was trained with labels alone
//          (gpt/known_conditions.hpp), another number of labels than sequences, or logits for labels of a prior
//          without classes; DataError for a token or label out of range; StateError for an object that was moved from
// Cost     one packed copy of what a forward pass reads; a call allocates the activations of its blocks

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/has_contents.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/detail/labelled_sequences.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/known_conditions.hpp>
#include <tessera/loss/cross_entropy.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <GptConfig C, nn::Layer N>
class FrozenGpt {
public:
    using Scalar = typename N::Scalar;
    using Net = N;
    using Context = Shape<C.context>;
    using Logits = typename Net::Output;
    static constexpr GptConfig config = C;
    static constexpr std::size_t context = C.context, vocab = C.vocab;

    explicit FrozenGpt(const typename Net::Params& params, KnownConditions knows = {}) { pack_forward(params, knows); }
    /// Packs other weights into the same memory.
    void pack_forward(const typename Net::Params& params, KnownConditions knows = {}) {
        knows_ = knows;
        nn::pack_forward<Net>(params, weights_);
        packed_.set();
    }

    [[nodiscard]] const typename Net::Packed& weights() const {
        packed_.refuse_empty("FrozenGpt", "packed weights");
        return weights_;
    }
    [[nodiscard]] KnownConditions knows() const { return knows_; }

    /// Logits of whole sequences: those at position i depend on the label and the tokens before i.
    [[nodiscard]] Tensor<Scalar, Logits> logits(View<const Token, Context> sequences,
                                                std::span<const Label> labels = {}) const {
        detail::check_has_classes<C>(labels, "Gpt::logits");
        Tensor<Token, Context> input;
        make_input(sequences, labels, input, [](std::size_t) { return false; });
        Tensor<Scalar, Logits> out{sequences.batch()};
        std::vector<Scratch> scratch;
        nn::for_groups(sequences.batch(), scratch, [&](std::size_t first, std::size_t count, std::size_t, Scratch& s) {
            nn::begin<Net>(s.net, {});
            Net::forward(weights(), View<const Token, Context>{input}.slice(first, count),
                         out.view().slice(first, count), s.net);
        });
        return out;
    }

    /// Mean loss of a dataset in nats per token; its labels are used where the prior was trained with labels.
    [[nodiscard]] double evaluate(const data::Tokens<context>& sequences) const {
        if (sequences.size() == 0) throw ArgumentError("Gpt::evaluate: sequences: expected at least one, got 0");
        const std::span<const Label> labels = knows_.labels ? sequences.labels() : std::span<const Label>{};
        detail::check_condition(labels.size(), C.classes, knows_, "Gpt::evaluate: ");
        return with_fp_environment([&] {
            Tensor<Token, Context> input;
            make_input(sequences.view(), labels, input, [](std::size_t) { return false; });
            std::vector<Scratch> scratch;
            std::vector<double> losses(nn::group_count(sequences.size()));
            nn::for_groups(sequences.size(), scratch,
                           [&](std::size_t first, std::size_t count, std::size_t block, Scratch& s) {
                               s.logits.resize(count);
                               nn::begin<Net>(s.net, {});
                               Net::forward(weights(), View<const Token, Context>{input}.slice(first, count),
                                            s.logits.view(), s.net);
                               const auto targets = sequences.view().slice(first, count).span();
                               losses[block] = cross_entropy<Scalar>(std::span<const Scalar>{s.logits.span()}, targets);
                           });
            double total = 0;
            for (const double loss : losses) total += loss;
            return total / static_cast<double>(sequences.size() * context);
        });
    }

    /// The input of the net, [label token, t_0, ..., t_{n-2}]; the null class where there is no label, or where
    /// drop_label(n) is true.
    template <class Drop>
    static void make_input(View<const Token, Context> sequences, std::span<const Label> labels,
                           Tensor<Token, Context>& input, Drop drop_label) {
        input.resize(sequences.batch());
        detail::for_labelled<C>(sequences, labels, "Gpt", drop_label,
                                [&](std::size_t n, Token label, std::span<const Token> tokens) {
                                    input[n][0] = label;
                                    std::copy_n(tokens.data(), context - 1, input[n].data() + 1);
                                });
    }

    /// What one block of sequences needs.
    struct Scratch {
        typename Net::Cache net;
        Tensor<Scalar, Logits> logits;
    };

private:
    typename Net::Packed weights_;
    KnownConditions knows_;
    HasContents packed_;
};

}  // namespace tessera
