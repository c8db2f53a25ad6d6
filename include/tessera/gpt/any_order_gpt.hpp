#pragma once
// AnyOrderGpt: an autoregressive prior over sequences of tokens that are read and drawn in any order.
//
//     p(t | label) = product over k of p(t_{o_k} | label, o_k, (o_0, t_{o_0}) .. (o_{k-1}, t_{o_{k-1}})),
//     loss = mean of -ln p(t_{o_k} | ...), in nats, over random orders o
//                      (Li et al. 2025, ARPG, arXiv:2503.10568; two streams: Yang et al. 2019, XLNet, arXiv:1906.08237)
//
// Each training step draws one order for each sequence. A query for a position attends to the tokens known so far, and
// nothing attends to it, so several positions can be predicted from the same tokens: gpt/sample_any_order.hpp draws
// many in a pass, and gpt/complete_any_order.hpp continues any known subset. Raster is one of the orders. Labels, the
// null class, label_dropout and token_corruption are those of Gpt (gpt/gpt.hpp), and so are the choices of GptConfig:
// positions are learned, or rotary by the place of each row (gpt/any_order_net.hpp). `tied` must be false.
//
// Shapes   sequences, orders [batch, context], logits [batch, context x vocab]
// Params   "prior.": embeddings, blocks, norm, head; initialised as those of Gpt
// Errors   static_assert for a configuration without sizes or tied, or heads that do not divide the width;
//          ArgumentError for a label_dropout or token_corruption outside [0, 1], an empty batch, another number of
//          labels or orders than sequences, a training step without labels as of Gpt, or an order that is not a
//          permutation; DataError for a token or label out of range
// Cost     that of a Gpt over twice the tokens, contents and queries, without attention between the two halves: a step
//          of the small preset takes 1.95 times that of a Gpt. Memory of a Workspace: as of a Gpt

#include <tessera/core/batch_part.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/any_order_net.hpp>
#include <tessera/gpt/detail/init_gpt.hpp>
#include <tessera/gpt/detail/labelled_sequences.hpp>
#include <tessera/gpt/detail/spare.hpp>
#include <tessera/gpt/detail/unit_losses.hpp>
#include <tessera/gpt/frozen_any_order_gpt.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/gpt_config.hpp>
#include <tessera/gpt/token_order.hpp>
#include <tessera/nn/exec/grouped.hpp>

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

template <GptConfig C, std::floating_point T = float>
class AnyOrderGpt {
    static_assert(UsableAnyOrderConfig<C>,
                  "AnyOrderGpt: vocab, context, width, heads and layers must be set, dropout below 100 percent, "
                  "tied false, and a Token must count (vocab + classes + 2) (context + 1)");
    static_assert(HeadsDivideGptWidth<C>, "AnyOrderGpt: the heads must divide the width");

public:
    using Scalar = T;
    static constexpr GptConfig config = C;
    static constexpr std::string_view kind = "any_order_gpt";
    static constexpr std::size_t context = C.context, vocab = C.vocab;
    using Context = Shape<context>;
    using Frozen = FrozenAnyOrderGpt<C, T>;
    using Net = typename Frozen::Net;
    using Logits = typename Frozen::Logits;
    using Orders = typename Frozen::Orders;
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
    // Sequences that pass through the net together, as in Gpt, of twice the rows.
    static constexpr std::size_t together = std::clamp(std::bit_floor(784 / (2 * context) + 1), nn::block_size,
                                                       C.width < 256 ? nn::block_size : nn::group_size);
    using Scratch = typename Frozen::Scratch;

public:
    struct Workspace {
        Rng rng{};  ///< of this step: label dropout, dropout, token corruption, orders
        typename Net::Packed packed;
        nn::Grouped<Params, Scratch, T, together> groups;
        typename Frozen::Input input;
        Tensor<Token, typename Net::Input> targets;  ///< no_token for contents
        std::vector<std::uint32_t> order;
        std::vector<double> losses;
        std::vector<double> totals;  ///< sum of the losses of the last batch, which processes sum
    };

    explicit AnyOrderGpt(Rng& rng, GptOptions options = {}) : options_{options} {
        detail::check_gpt_options(options, "AnyOrderGpt");
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
    /// f(frozen) with the current weights, whose memory is kept for the next call, as in Gpt.
    template <class F>
    decltype(auto) with_frozen(F&& f) const {
        return spare_.with_frozen(*this, std::forward<F>(f));
    }

    /// Adds the gradient of (sum of the sequences' mean losses) / part.divisor to grad, each sequence in another random
    /// order. The sum of losses is in ws.totals.
    void loss_and_grad(const Batch& batch, const BatchPart& part, Workspace& ws, Params& grad) const {
        detail::check_training_labels<C>(batch.x.batch(), batch.labels, options_.label_dropout, "AnyOrderGpt");
        with_fp_environment([&] {
            const std::size_t size = batch.x.batch();
            nn::pack<Net>(params_.net, ws.packed);
            const std::size_t block_size = ws.groups.block_of(part.samples);
            const std::size_t unit = (std::min)(block_size, nn::block_size);
            ws.losses.assign(ws.groups.blocks(size, unit), 0);
            prepare_rows(batch, part, ws);
            const T scale = T(1) / static_cast<T>(part.divisor * context);
            const auto run_block = [&](std::size_t first, std::size_t count, std::size_t index, Scratch& s, Params& g,
                                       nn::BlockOrder* order) {
                const auto x = View<const Token, typename Net::Input>{ws.input.tokens}.slice(first, count);
                s.logits.resize(count);
                nn::begin<Net>(s.net, {true, ws.rng.split(2), part.first + first, nn::order_inside<Net>(order),
                                       ws.input.places[first].data()});
                Net::forward(ws.packed, x, s.logits.view(), s.net);
                // the logits are overwritten with their gradient
                const auto targets = View<const Token, typename Net::Input>{ws.targets}.slice(first, count).span();
                detail::unit_losses<T>(s.logits.span(), targets, unit * Net::Input::size, scale,
                                       std::span{ws.losses}.subspan(index));
                const View<const T, typename Net::Output> d{s.logits};
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
        if (size == 0) throw ArgumentError("AnyOrderGpt: batch: expected at least one sequence, got 0");
        loss_and_grad(batch, BatchPart::whole(size), ws, grad);
        return report(ws, size);
    }
    /// The report of the sum in ws.totals, which is over `samples` sequences.
    [[nodiscard]] Report report(const Workspace& ws, std::size_t samples) const {
        return {.loss = ws.totals[0] / static_cast<double>(samples * context)};
    }

    /// See FrozenAnyOrderGpt.
    [[nodiscard]] double evaluate(const data::Tokens<context>& sequences, TokenOrder order = TokenOrder::random,
                                  const Rng& rng = {}) const {
        return with_frozen([&](const Frozen& frozen) { return frozen.evaluate(sequences, order, rng); });
    }
    /// See FrozenAnyOrderGpt.
    [[nodiscard]] Tensor<T, Logits> logits(View<const Token, Context> sequences, Orders orders,
                                           std::span<const Label> labels = {}) const {
        return with_frozen([&](const Frozen& frozen) { return frozen.logits(sequences, orders, labels); });
    }

private:
    /// The input and the targets of a step. Every draw is from a stream of the sample's index in the whole batch.
    void prepare_rows(const Batch& batch, const BatchPart& part, Workspace& ws) const {
        using Input = detail::AnyOrderInput<C>;
        ws.order.resize(context);
        ws.targets.resize(batch.x.batch());
        Frozen::make_input(
            batch.x, batch.labels, ws.input,
            [&](std::size_t n) {
                return static_cast<double>(ws.rng.split(1).split(part.first + n).uniform()) < options_.label_dropout;
            },
            [&](std::size_t n) {
                detail::fill_order(TokenOrder::random, ws.order, ws.rng.split(4).split(part.first + n));
                std::ranges::fill(ws.targets[n].template first<context>(), no_token);
                for (std::size_t k = 0; k < context; ++k) ws.targets[n][context + k] = batch.x[n][ws.order[k]];
                return std::span<const std::uint32_t>{ws.order};
            });
        if (options_.token_corruption <= 0) return;
        for (std::size_t n = 0; n < batch.x.batch(); ++n) {
            Rng own = ws.rng.split(3).split(part.first + n);
            for (Token& row : ws.input.tokens[n].template first<context>().template subspan<1>())
                if (static_cast<double>(own.uniform()) < options_.token_corruption)
                    row = Input::replaced(row, own.below(static_cast<std::uint32_t>(vocab)));
        }
    }

    GptOptions options_;
    Params params_;
    Rng rng_;
    Lifetime lifetime_;
    detail::Spare<Frozen> spare_;
};

}  // namespace tessera
