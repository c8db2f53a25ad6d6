#pragma once
// Gpt: an autoregressive prior over sequences of tokens, by default a small GPT-2.
//
//     p(t | label) = product over i of p(t_i | label, t_0 .. t_{i-1}),   loss = mean of -ln p(t_i | ...), in nats
//                                                                              (Radford et al. 2019)
//
// The input of the net is [label token, t_0, ..., t_{n-2}]. Each label is an additional token, and one more, the null
// class, stands for "any". In training a label is replaced by the null class with probability label_dropout, so that
// one net learns both, and a token of the input, not of the targets, by a random one with probability token_corruption,
// so that a net with few sequences overfits them less. GptConfig has the ordinary choices of norm, MLP,
// positions, kv heads, head and biases. The block may be any layer over Shape<context, width>:
// `Gpt<GptConfig{...}, Block>` for a block of the user's. Any block can be trained; to sample, its layers must support
// steps (nn/step.hpp).
//
// Shapes   sequences [batch, context], logits [batch, context x vocab]
// Params   "prior.": embeddings, blocks, norm, head (no bias; none if tied). Initialised by their roles (nn/layer.hpp):
//          weights N(0, 0.02^2), the N weights that add to the residual stream N(0, 0.02^2 / N), biases 0
// Errors   static_assert for a configuration without sizes, or heads that do not divide the width; ArgumentError for a
//          label_dropout or token_corruption outside [0, 1], an empty batch, another number of labels than sequences,
//          a training step of a prior with classes without labels (but with label_dropout 1), or logits for labels of
//          a prior without classes; DataError for a token or label out of range
// Cost     forward, per token: layers (12 width^2 + context width) + width vocab multiply-adds with the default block;
//          backward about twice that. With one thread nothing is allocated in a Workspace after the first step of the
//          largest batch; with several, the scratch of a thread is allocated, or grows, in the first step in which it
//          takes that many sequences at once, which may be a later one (nn/exec/grouped.hpp).
//          After the first evaluate, logits, sample or complete a Gpt keeps one packed copy of its weights

#include <tessera/core/batch_part.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/block.hpp>
#include <tessera/gpt/detail/init_gpt.hpp>
#include <tessera/gpt/detail/labelled_sequences.hpp>
#include <tessera/gpt/detail/spare.hpp>
#include <tessera/gpt/detail/unit_losses.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/gpt_net.hpp>
#include <tessera/gpt/known_conditions.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/loss/cross_entropy.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/step.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct GptOptions {
    /// Probability in [0, 1] that a label is replaced by the null class in training. 0: the null class is not learned,
    /// which guidance needs; 1: labels are not learned, and a prior with classes can be trained without them.
    double label_dropout = 0.1;
    double token_corruption = 0;  ///< probability in [0, 1] that a token of the input is a random one in training

    [[nodiscard]] KnownConditions knows() const {
        return {.labels = (label_dropout < 1), .null_class = (label_dropout > 0)};
    }
};

/// The report of one training step.
struct GptReport {
    double loss = 0;       ///< nats per token, mean over the batch
    double grad_norm = 0;  ///< before clipping
};

template <GptConfig C, class Block = GptBlockOf<C>, std::floating_point T = float>
class Gpt {
    static_assert(UsableGptConfig<C>, "Gpt: vocab, context, width, heads and layers must be set, dropout below 100 "
                                      "percent, and tokens, labels and the null class fit 32 bits");
    static_assert(HeadsDivideGptWidth<C>, "Gpt: the heads must divide the width");

public:
    using Scalar = T;
    static constexpr GptConfig config = C;
    static constexpr std::string_view kind = "gpt";
    static constexpr std::size_t context = C.context, vocab = C.vocab;
    using Context = Shape<context>;
    using Net = GptNet<C, Block, T>;
    using Logits = typename Net::Output;
    using Frozen = FrozenGpt<C, Net>;
    using Batch = data::Batch<View<const Token, Context>>;
    using Report = GptReport;

    struct Params {
        typename Net::Params net;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            Net::Params::each(with_prefix("prior", f), p.net...);
        }
    };

private:
    // Sequences that pass through the net together. From a width of 256 each pass reads the weights of a layer (3 MB,
    // twice that backward) from L3: 784 rows per pass instead of 196 make a step 1.1 times as fast; at a width of 128
    // they cost 3 %.
    static constexpr std::size_t together =
        C.width < 256 ? nn::block_size : std::clamp(std::bit_floor(784 / C.context), nn::block_size, nn::group_size);
    using Scratch = typename Frozen::Scratch;

public:
    struct Workspace {
        Rng rng{};  ///< of this step: label dropout, dropout, token corruption
        typename Net::Packed packed;
        nn::Grouped<Params, Scratch, T, together> groups;
        Tensor<Token, Context> input;
        std::vector<double> losses;
        std::vector<double> totals;  ///< sum of the losses of the last batch, which processes sum
    };

    explicit Gpt(Rng& rng, GptOptions options = {}) : options_{options} {
        detail::check_gpt_options(options, "Gpt");
        rng_ = detail::init_gpt<Net>(params_, rng);
    }

    [[nodiscard]] Params& params() { return params_; }
    [[nodiscard]] const Params& params() const { return params_; }
    [[nodiscard]] const GptOptions& options() const { return options_; }
    /// The stream that a trainer without a seed draws from, split from the generator that initialised the model.
    [[nodiscard]] const Rng& rng() const { return rng_; }
    [[nodiscard]] Lifetime& lifetime() { return lifetime_; }

    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        Params::each(f, models.params_...);
    }

    /// What must agree with a file and is not visible in the shapes of the weights.
    [[nodiscard]] static NamedValues metadata() { return detail::gpt_metadata<C>(); }
    [[nodiscard]] std::vector<Setting> settings() const {
        return {{"label_dropout", number_text(options_.label_dropout)},
                {"token_corruption", number_text(options_.token_corruption)},
                {"dropout_percent", number_text(C.dropout_percent)}};
    }

    /// The current weights packed for logits, evaluation and sampling; call once to sample often.
    [[nodiscard]] Frozen freeze() const { return Frozen{params_.net, options_.knows()}; }
    /// The same into memory that is there.
    void freeze(Frozen& frozen) const { frozen.pack_forward(params_.net, options_.knows()); }

    /// f(frozen) with the current weights. Their memory is kept for the next call: where it comes as new pages each
    /// time, these take longer than packing (preset small, 3 MiB, one thread: 600 page faults, 1.6 of 1.9 ms).
    template <class F>
    decltype(auto) with_frozen(F&& f) const {
        return spare_.with_frozen(*this, std::forward<F>(f));
    }

    /// Adds the gradient of (sum of the sequences' mean losses) / part.divisor to grad. The sum of losses is in
    /// ws.totals.
    void loss_and_grad(const Batch& batch, const BatchPart& part, Workspace& ws, Params& grad) const {
        detail::check_training_labels<C>(batch.x.batch(), batch.labels, options_.label_dropout, "Gpt");
        with_fp_environment([&] {
            const std::size_t size = batch.x.batch();
            nn::pack<Net>(params_.net, ws.packed);
            const std::size_t block_size = ws.groups.block_of(part.samples);
            const std::size_t unit = (std::min)(block_size, nn::block_size);
            ws.losses.assign(ws.groups.blocks(size, unit), 0);
            Frozen::make_input(batch.x, batch.labels, ws.input, [&](std::size_t n) {
                return static_cast<double>(ws.rng.split(1).split(part.first + n).uniform()) < options_.label_dropout;
            });
            corrupt(ws.input, ws.rng.split(3), part.first);
            const T scale = T(1) / static_cast<T>(part.divisor * context);
            const auto run_block = [&](std::size_t first, std::size_t count, std::size_t index, Scratch& s, Params& g,
                                       nn::BlockOrder* order) {
                const auto x = View<const Token, Context>{ws.input}.slice(first, count);
                s.logits.resize(count);
                nn::begin<Net>(s.net, {true, ws.rng.split(2), part.first + first, nn::order_inside<Net>(order)});
                Net::forward(ws.packed, x, s.logits.view(), s.net);
                // the logits are overwritten with their gradient
                const auto targets = batch.x.slice(first, count).span();
                detail::unit_losses<T>(s.logits.span(), targets, unit * context, scale,
                                       std::span{ws.losses}.subspan(index));
                const View<const T, Logits> d{s.logits};
                nn::backward_in_order<Net>(order, [&] { Net::backward_params(ws.packed, x, d, d, s.net, g.net); });
            };
            ws.groups.run(size, grad, run_block, block_size, unit);
            ws.totals.assign(1, 0);
            for (const double loss : ws.losses) ws.totals[0] += loss;
        });
    }
    /// For a whole batch in one process; returns the report of its mean loss.
    Report loss_and_grad(const Batch& batch, Workspace& ws, Params& grad) const {
        const std::size_t size = batch.x.batch();
        if (size == 0) throw ArgumentError("Gpt: batch: expected at least one sequence, got 0");
        loss_and_grad(batch, BatchPart::whole(size), ws, grad);
        return report(ws, size);
    }
    /// The report of the sum in ws.totals, which is over `samples` sequences.
    [[nodiscard]] Report report(const Workspace& ws, std::size_t samples) const {
        return {.loss = ws.totals[0] / static_cast<double>(samples * context)};
    }

    /// Mean loss of a dataset in nats per token; its labels are used where the prior was trained with labels.
    [[nodiscard]] double evaluate(const data::Tokens<context>& sequences) const {
        return with_frozen([&](const Frozen& frozen) { return frozen.evaluate(sequences); });
    }

    /// Logits of whole sequences: those at position i depend on the label and the tokens before i.
    [[nodiscard]] Tensor<T, Logits> logits(View<const Token, Context> sequences,
                                           std::span<const Label> labels = {}) const {
        return with_frozen([&](const Frozen& frozen) { return frozen.logits(sequences, labels); });
    }

private:
    /// Replaces tokens of the input by random ones, never the label. Sample n of the whole batch has its own stream.
    void corrupt(Tensor<Token, Context>& input, const Rng& rng, std::size_t first) const {
        if (options_.token_corruption <= 0) return;
        for (std::size_t n = 0; n < input.batch(); ++n) {
            Rng own = rng.split(first + n);
            for (Token& token : input[n].template subspan<1>())
                if (static_cast<double>(own.uniform()) < options_.token_corruption)
                    token = own.below(static_cast<std::uint32_t>(vocab));
        }
    }

    GptOptions options_;
    Params params_;
    Rng rng_;
    Lifetime lifetime_;
    detail::Spare<Frozen> spare_;
};

}  // namespace tessera
