#pragma once
// FrozenAnyOrderGpt: the weights of an AnyOrderGpt packed once, for logits, evaluation and sampling.
//
//     const auto frozen = prior.freeze();
//     sample_any_order(frozen, 16, {.passes = 10}, rng);               gpt/sample_any_order.hpp
//     complete(frozen, tokens, known, {}, rng);                        gpt/complete_any_order.hpp
//
// All functions are const, so threads may share one object. Later steps of the model do not change it.
//
// Shapes   sequences, orders [batch, context], logits [batch, context x vocab]
// Errors   ArgumentError for an empty dataset, one without labels where the prior was trained with labels alone
//          (gpt/known_conditions.hpp), another number of labels or orders than sequences, an order that is not a
//          permutation, or logits for labels of a prior without classes; DataError for a token or label out of range;
//          StateError for an object that was moved from
// Cost     one packed copy of what a forward pass reads; a call allocates the activations of its blocks

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/has_contents.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/any_order_net.hpp>
#include <tessera/gpt/detail/labelled_sequences.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/known_conditions.hpp>
#include <tessera/gpt/token_order.hpp>
#include <tessera/loss/cross_entropy.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <GptConfig C, std::floating_point T = float>
class FrozenAnyOrderGpt {
public:
    using Scalar = T;
    using Net = AnyOrderNet<C, T>;
    using Context = Shape<C.context>;
    using Logits = Shape<C.context, C.vocab>;
    using Orders = View<const std::uint32_t, Context>;
    static constexpr GptConfig config = C;
    static constexpr std::size_t context = C.context, vocab = C.vocab;

    explicit FrozenAnyOrderGpt(const typename Net::Params& params, KnownConditions knows = {}) {
        pack_forward(params, knows);
    }
    /// Packs other weights into the same memory.
    void pack_forward(const typename Net::Params& params, KnownConditions knows = {}) {
        knows_ = knows;
        nn::pack_forward<Net>(params, weights_);
        packed_.set();
    }

    [[nodiscard]] const typename Net::Packed& weights() const {
        packed_.refuse_empty("FrozenAnyOrderGpt", "packed weights");
        return weights_;
    }
    [[nodiscard]] KnownConditions knows() const { return knows_; }

    /// Logits of whole sequences: row k of sequence n predicts the token at orders[n][k] from the label and the tokens
    /// at orders[n][0 .. k-1].
    [[nodiscard]] Tensor<T, Logits> logits(View<const Token, Context> sequences, Orders orders,
                                           std::span<const Label> labels = {}) const {
        detail::check_has_classes<C>(labels, "AnyOrderGpt::logits");
        Input input;
        check_orders(sequences, orders);
        make_input(
            sequences, labels, input, [](std::size_t) { return false; }, [&](std::size_t n) { return orders[n]; });
        Tensor<T, Logits> out{sequences.batch()};
        run(input, [&](std::size_t first, std::size_t count, std::size_t, const Scratch& s) {
            for (std::size_t n = 0; n < count; ++n)
                std::ranges::copy(s.logits[n].template last<Logits::size>(), out[first + n].begin());
        });
        return out;
    }

    /// Mean loss of a dataset in nats per token, read in raster order, or sequence n in the order of rng.split(n); its
    /// labels are used where the config has classes.
    [[nodiscard]] double evaluate(const data::Tokens<context>& sequences, TokenOrder order = TokenOrder::random,
                                  const Rng& rng = {}) const {
        if (sequences.size() == 0)
            throw ArgumentError("AnyOrderGpt::evaluate: sequences: expected at least one, got 0");
        const std::span<const Label> labels = knows_.labels ? sequences.labels() : std::span<const Label>{};
        detail::check_condition(labels.size(), C.classes, knows_, "AnyOrderGpt::evaluate: ");
        Input input;
        Tensor<Token, Context> targets{sequences.size()};
        std::vector<std::uint32_t> one(context);
        make_input(
            sequences.view(), labels, input, [](std::size_t) { return false; },
            [&](std::size_t n) {
                detail::fill_order(order, one, rng.split(n));
                for (std::size_t k = 0; k < context; ++k) targets[n][k] = sequences[n][one[k]];
                return std::span<const std::uint32_t>{one};
            });
        std::vector<double> losses(nn::group_count(sequences.size()));
        run(input, [&](std::size_t first, std::size_t count, std::size_t block, const Scratch& s) {
            for (std::size_t n = 0; n < count; ++n)
                losses[block] += cross_entropy<T>(std::span<const T>{s.logits[n].template last<Logits::size>()},
                                                  std::span<const Token>{targets[first + n]});
        });
        double total = 0;
        for (const double loss : losses) total += loss;
        return total / static_cast<double>(sequences.size() * context);
    }

    /// Rows of the net, and their places.
    struct Input {
        Tensor<Token, typename Net::Input> tokens;
        Tensor<std::uint32_t, typename Net::Input> places;
    };
    /// The input of the net: contents and queries of each sequence, in the order that order_of(n) returns; the null
    /// class where there is no label, or where drop_label(n) is true.
    template <class Drop, class OrderOf>
    static void make_input(View<const Token, Context> sequences, std::span<const Label> labels, Input& input,
                           Drop drop_label, OrderOf order_of) {
        input.tokens.resize(sequences.batch());
        input.places.resize(sequences.batch());
        detail::for_labelled<C>(sequences, labels, "AnyOrderGpt", drop_label,
                                [&](std::size_t n, Token label, std::span<const Token> tokens) {
                                    detail::AnyOrderInput<C>::fill(label, tokens, order_of(n), input.tokens[n],
                                                                   input.places[n]);
                                });
    }

    /// What one block of sequences needs.
    struct Scratch {
        typename Net::Cache net;
        Tensor<T, typename Net::Output> logits;
    };

private:
    /// f(first, count, block, scratch with the logits) for groups of sequences.
    template <class F>
    void run(const Input& input, F f) const {
        with_fp_environment([&] {
            std::vector<Scratch> scratch;
            nn::for_groups(input.tokens.batch(), scratch,
                           [&](std::size_t first, std::size_t count, std::size_t block, Scratch& s) {
                               s.logits.resize(count);
                               nn::begin<Net>(s.net, {.places = input.places[first].data()});
                               const View<const Token, typename Net::Input> all{input.tokens};
                               Net::forward(weights(), all.slice(first, count), s.logits.view(), s.net);
                               f(first, count, block, s);
                           });
        });
    }
    static void check_orders(View<const Token, Context> sequences, Orders orders) {
        if (orders.batch() != sequences.batch())
            throw ArgumentError("AnyOrderGpt::logits: orders: " + expected_got(sequences.batch(), orders.batch()));
        for (std::size_t n = 0; n < orders.batch(); ++n) {
            std::vector<unsigned char> seen(context);
            for (const std::uint32_t position : orders[n])
                if (position >= context || seen[position]++ != 0)
                    throw ArgumentError("AnyOrderGpt::logits: order " + std::to_string(n) + ": " +
                                        expected_got("each position below " + std::to_string(context) + " once",
                                                     std::to_string(position) + (position < context ? " twice" : "")));
        }
    }

    typename Net::Packed weights_;
    KnownConditions knows_;
    HasContents packed_;
};

}  // namespace tessera
