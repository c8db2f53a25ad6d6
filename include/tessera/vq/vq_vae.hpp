#pragma once
// VqVae: an encoder, a quantizer, a decoder and a reconstruction loss.
//
//     z = encoder(x),   (tokens, q) = quantizer(z),   y = decoder(q)
//     loss = loss(y, x) / elements of x + the quantizer's terms
//                                         (van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937, eq. 3)
//
// Any quantizer (vq/quantizer.hpp) and any loss (loss/loss.hpp) can be used: only their contracts are called here.
// Evaluation (encode, decode, reconstruct, evaluate) is const and packs the weights as they are at each call; to encode
// many small batches call freeze() once. Images may have a mask of the pixels that count: vq/masked_images.hpp.
//
// Shapes   x, y [batch, height x width x channels], z [batch, Encoder::Output], q [batch, Decoder::Input], tokens
//          [batch, Quantizer::tokens], each token in its vocabulary: below Quantizer::codes, or its codes_of
// Params   those of the encoder "encoder", the decoder "decoder", the quantizer (no prefix) and the loss "loss",
//          initialised by these parts. Buffers of the quantizer and of the loss are saved and not optimised
// Errors   static_assert where the shapes or scalars of encoder, quantizer and decoder do not match; ArgumentError for
//          an empty batch or dataset, or an option out of range; DataError for a token that is not in its vocabulary;
//          NumericError where the encoder's output is not finite, with the image if it has a value that is not
// Cost     of a training step: that of encoder, decoder and quantizer, forward and backward, and one packing of the
//          weights; where the quantizer has pack_batch, one more forward of the encoder. After the first step of
//          the largest batch a Workspace grows only where a thread takes more images at once (nn/exec/grouped.hpp)
//
// Over 250 lines: state, training and evaluation of one model; the parts that it calls do the work.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/loss/loss.hpp>
#include <tessera/loss/masked_loss.hpp>
#include <tessera/loss/mse.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/detail/file_keys.hpp>
#include <tessera/vq/detail/finite_pixels.hpp>
#include <tessera/vq/detail/position_mask.hpp>
#include <tessera/vq/detail/training_scratch.hpp>
#include <tessera/vq/detail/whole_batch.hpp>
#include <tessera/vq/frozen_vq_vae.hpp>
#include <tessera/vq/masked_images.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/vq_vae_report.hpp>
#include <tessera/vq/vq_vae_totals.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <nn::Layer Encoder, class QuantizerSpec, nn::Layer Decoder, class ReconstructionLoss = Mse>
class VqVae {
public:
    using Scalar = typename Encoder::Scalar;
    using T = Scalar;
    using Quantizer = vq::BindQuantizer<QuantizerSpec, typename Encoder::Output, T>;
    using Loss = BindLoss<ReconstructionLoss, typename Encoder::Input, T>;

private:
    using Q = Quantizer;
    static_assert(std::same_as<typename Decoder::Input, typename Q::Output>,
                  "VqVae: the decoder must take exactly what the quantizer gives");
    static_assert(std::same_as<typename Decoder::Output, typename Encoder::Input>,
                  "VqVae: the decoder must give back what the encoder takes");
    static_assert(std::same_as<typename Encoder::Scalar, typename Decoder::Scalar>,
                  "VqVae: encoder and decoder must have one scalar type");

public:
    using Input = typename Encoder::Input;
    using Latent = typename Encoder::Output;
    using Decoded = typename Decoder::Input;
    static constexpr std::string_view kind = "vq_vae";
    static constexpr std::size_t tokens = Q::tokens, codes = Q::codes;
    static constexpr std::size_t codes_of(std::size_t i) { return vq::codes_of<Q>(i); }  ///< the vocabulary of token i
    using Images = View<const T, Input>;
    using MaskRules = vq::MaskRules<Input, Q, Loss>;
    using Batch = vq::MaskedImages<T, Input, MaskRules>;  ///< of a training step; Images convert to it
    using TokenView = View<const Token, Shape<tokens>>;
    using Options = typename Q::Options;
    using LossOptions = typename Loss::Options;
    using Buffers = typename Q::Buffers;
    using Statistics = vq::Statistics<Q>;
    using Report = typename VqVaeTotals<Q>::Report;

    struct Params {
        typename Encoder::Params encoder;
        typename Decoder::Params decoder;
        typename Q::Params quantizer;
        typename Loss::Params loss;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            Encoder::Params::each(with_prefix("encoder", f), p.encoder...);
            Decoder::Params::each(with_prefix("decoder", f), p.decoder...);
            Q::Params::each(f, p.quantizer...);
            Loss::Params::each(with_prefix("loss", f), p.loss...);
        }
    };

    using Frozen = FrozenVqVae<Encoder, Q, Decoder>;

private:
    using Scratch = vq::detail::TrainingScratch<Encoder, Q, Decoder, Loss>;
    using Totals = VqVaeTotals<Q>;
    struct BeforeInitialization {  // what an initialisation from data replaces
        typename Q::Params params;
        typename Q::Buffers buffers;
    };

public:
    /// Memory of a training step, kept from step to step.
    struct Workspace {
        Rng rng{};      ///< of this step: dropout, initialisation, revival
        Frozen frozen;  ///< of the weights of this step
        typename Loss::Packed loss;
        typename Frozen::Workspace encoding;
        nn::Grouped<Params, Scratch, T> groups;
        Tensor<T, Latent> z;
        Tensor<Token, Shape<tokens>> chosen;
        typename Q::Cache observing;
        std::vector<typename Totals::Block> blocks;
        std::vector<double> totals;  ///< sums over the samples of the last batch, which processes sum
        vq::detail::PositionMask<T, Input, Latent, MaskRules> positions;
        vq::detail::WholeBatch<T, Latent> whole;
        std::optional<BeforeInitialization> before;  ///< of the step that initialised from data, until the next one
    };

    /// ArgumentError for an option out of range, and for a key of settings and metadata that is there twice.
    explicit VqVae(Rng& rng, Options options = {}, LossOptions loss_options = {})
        : options_{std::move(options)}, loss_options_{std::move(loss_options)} {
        check_options<Q>(options_);
        check_options<Loss>(loss_options_);
        vq::detail::check_keys(metadata(), settings());
        with_fp_environment([&] {
            Rng own = rng.fork();
            rng_ = own.split(training_stream);
            Encoder::init(params_.encoder, own);
            Decoder::init(params_.decoder, own);
            Q::init(params_.quantizer, buffers_, own);
            Loss::init(params_.loss, loss_buffers_, own);
        });
    }

    [[nodiscard]] Params& params() { return params_; }
    [[nodiscard]] const Params& params() const { return params_; }
    /// The quantizer's buffers: `vae.buffers().book.weight` of a Codebook.
    [[nodiscard]] Buffers& buffers() { return buffers_; }
    [[nodiscard]] const Buffers& buffers() const { return buffers_; }
    [[nodiscard]] const Options& options() const { return options_; }
    [[nodiscard]] const LossOptions& loss_options() const { return loss_options_; }
    /// The stream that a trainer without a seed draws from.
    [[nodiscard]] const Rng& rng() const { return rng_; }
    [[nodiscard]] Lifetime& lifetime() { return lifetime_; }

    /// Parameters, buffers and whether the quantizer has been initialised from data, under their names in files.
    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        Params::each(f, models.params_...);
        Q::Buffers::each(f, models.buffers_...);
        Loss::Buffers::each(with_prefix("loss", f), models.loss_buffers_...);
        if constexpr (vq::InitializesFromData<Q>) f("quantizer.started", models.initialized_...);
    }
    /// What must agree with a file and is not visible in the shapes of its tensors. The vocabulary is not part of it if
    /// the quantizer has it among its settings, because it may be chosen after training.
    [[nodiscard]] static NamedValues metadata() { return vq::detail::metadata<Q, Loss>(codes, tokens); }
    /// The options, which are compared when a run is resumed.
    [[nodiscard]] std::vector<Setting> settings() const {
        return vq::detail::settings<Q, Loss>(options_, loss_options_);
    }
    /// Leaves that encoding and decoding do not need: a file may leave them out.
    [[nodiscard]] static bool optional_in_file(std::string_view name) {
        return name == "quantizer.started" || vq::optional_in_file<Q>(name);
    }
    /// Called after loading a file without some leaves. A quantizer that was loaded is not initialised from data, which
    /// would replace it; one that was not loaded is.
    void fill_missing(std::span<const std::string> missing) noexcept {
        if (vq::detail::lacks_quantizer<Q>(missing, params_.quantizer, buffers_))
            initialized_[0] = 0;
        else if (std::ranges::find(missing, "quantizer.started") != missing.end())
            initialized_[0] = 1;
        vq::fill_missing<Q>(params_.quantizer, buffers_, missing);
    }

    /// Before each step: initialises the quantizer from the encoder's output for the first batch with a position that
    /// counts, and keeps it for pack_batch. `gather` returns that of all processes, in their order, and likewise which
    /// positions count. If it throws, nothing has changed; if the step fails later, the caller calls undo_prepare.
    template <class Gather>
    void prepare(Batch x, const BatchPart& part, Workspace& ws, Gather&& gather) {
        if constexpr (vq::InitializesFromData<Q> || vq::PacksBatch<Q>) {
            ws.before.reset();  // an earlier step has succeeded
            const bool initializes = vq::InitializesFromData<Q> && initialized_[0] == 0;
            if (part.samples == 0 || !(initializes || vq::PacksBatch<Q>)) return;
            freeze(ws.frozen);
            ws.positions.set(x.mask());
            ws.whole.encode(ws.frozen, x, ws.z, ws.encoding);
            const std::span<const T> all = gather(std::span<const T>{ws.z.span()}, ws.whole.gathered);
            ws.whole.set_counts(gather(ws.positions.counts(), ws.whole.gathered_counts), part.samples);
            // all processes have gathered the same numbers, so all throw or none
            vq::detail::explain_by_batch(x, part.first, [&] { check_finite(all, "encoder output"); });
            if (vq::PacksBatch<Q>) ws.whole.keep(x, part.samples);
            if (!initializes) return;
            const View<const T, Latent> rows = ws.whole.counted({all.data(), all.size() / Latent::size});
            if (rows.batch() == 0) return;
            ws.before = BeforeInitialization{params_.quantizer, buffers_};
            try {
                with_fp_environment(
                    [&] { vq::initialize_from_data<Q>(params_.quantizer, buffers_, rows, options_, ws.rng.split(1)); });
            } catch (...) {
                undo_prepare(ws);
                throw;
            }
            initialized_[0] = 1;
        }
    }
    /// The same in a single process.
    void prepare(Batch x, Workspace& ws) {
        prepare(x, BatchPart::whole(x.batch()), ws, [](std::span<const T> z, std::vector<T>&) { return z; });
    }

    /// After a step that failed: restores the quantizer from before its initialisation from data.
    void undo_prepare(Workspace& ws) noexcept {
        if (ws.before) {
            params_.quantizer = std::move(ws.before->params);
            buffers_ = std::move(ws.before->buffers);
            initialized_[0] = 0;
        }
        ws.before.reset();
        ws.whole.forget();
    }

    /// Adds the gradient of (sum of the samples' losses) / part.divisor to grad. The sums are in ws.totals; z and
    /// tokens of the batch stay in ws for `observe`. StateError for a part without `prepare`, which pack_batch needs.
    void loss_and_grad(Batch x, const BatchPart& part, Workspace& ws, Params& grad) const {
        with_fp_environment([&] {
            vq::detail::explain_by_batch(x, part.first, [&] { add_gradient(x, part, ws, grad); });
            if (!std::isfinite(ws.totals[0])) vq::detail::check_batch_pixels(x, part.first);
        });
    }
    /// For a whole batch in one process; returns the report of its mean loss.
    Report loss_and_grad(Batch x, Workspace& ws, Params& grad) const {
        if (x.batch() == 0) throw ArgumentError("VqVae: batch: expected at least one image, got 0");
        loss_and_grad(x, BatchPart::whole(x.batch()), ws, grad);
        return report(ws, x.batch());
    }
    /// The report of the sums in ws.totals, which are over `samples` samples.
    [[nodiscard]] Report report(const Workspace& ws, std::size_t samples) const {
        return Totals::report(ws.totals, samples, Input::size);
    }
    /// Adds the batch of the last loss_and_grad to the statistics.
    void observe(Workspace& ws, const BatchPart& part, Statistics& statistics) const {
        with_fp_environment([&] {
            vq::observe<Q>(ws.frozen.quantizer(), std::as_const(ws.z), std::as_const(ws.chosen), part, ws.rng.split(4),
                           ws.observing, statistics);
        });
    }
    /// Applies them to the quantizer: once after each step of the optimiser.
    void update(Workspace&, const Statistics& statistics) {
        with_fp_environment([&] { vq::update<Q>(params_.quantizer, buffers_, statistics, options_); });
    }

    /// The current weights packed for encoding and decoding; call once to encode many small batches.
    [[nodiscard]] Frozen freeze() const {
        Frozen frozen;
        frozen.pack_forward(params_.encoder, params_.quantizer, buffers_, options_, params_.decoder);
        return frozen;
    }
    /// Writes the tokens of images, no_token where a mask says that a position does not count.
    void encode(typename Frozen::Batch x, View<Token, Shape<tokens>> out) const {
        typename Frozen::Workspace ws;
        freeze().encode(x, out, ws);
    }
    /// The tokens of a dataset, with its labels.
    template <data::Dataset D>
    [[nodiscard]] data::Tokens<tokens> encode(const D& images) const {
        return freeze().encode(images);
    }
    /// The images of tokens, of which some may be absent (no_token): the decoder then sees the levels that are there.
    /// DataError for a token that is not in its vocabulary.
    [[nodiscard]] Tensor<T, Input> decode(TokenView chosen) const {
        Tensor<T, Input> y{chosen.batch()};
        typename Frozen::Workspace ws;
        freeze().decode(chosen, y, ws);
        return y;
    }
    [[nodiscard]] Tensor<T, Input> decode(const data::Tokens<tokens>& chosen) const { return decode(chosen.view()); }
    /// decode(encode(x)); a position that does not count is decoded from 0, as in training
    [[nodiscard]] Tensor<T, Input> reconstruct(typename Frozen::Batch x) const {
        Tensor<Token, Shape<tokens>> chosen{x.batch()};
        encode(x, chosen.view());
        return decode(TokenView{chosen});
    }
    /// Errors and codebook usage over what counts of a whole dataset. `range`: of the values of its images, to which
    /// reconstructions are clamped; DataError for a value outside.
    [[nodiscard]] VqVaeEvaluation evaluate(const data::Dataset auto& images, const ValueRange& range = {}) const {
        return freeze().evaluate(images, range);
    }
    [[nodiscard]] VqVaeEvaluation evaluate(typename Frozen::Batch x, const ValueRange& range = {}) const {
        return freeze().evaluate(x, range);
    }
    [[nodiscard]] CodebookReport codebook_report(const data::Dataset auto& images) const {
        return freeze().codebook_report(images);
    }
    [[nodiscard]] CodebookReport codebook_report(typename Frozen::Batch x) const { return freeze().codebook_report(x); }

private:
    static constexpr std::uint64_t training_stream = 0x747261696e;  // far from the stream numbers that init uses

    void freeze(Frozen& frozen) const {
        frozen.pack(params_.encoder, params_.quantizer, buffers_, options_, params_.decoder);
    }

    void add_gradient(Batch x, const BatchPart& part, Workspace& ws, Params& grad) const {
        freeze(ws.frozen);
        ws.positions.set(x.mask());
        if constexpr (vq::PacksBatch<Q>) {
            const auto rows = ws.whole.take(ws.frozen, x, ws.positions.counts(), part.samples, ws.z, ws.encoding);
            if (rows.batch() > 0) ws.frozen.pack_batch(rows, ws.observing);
        }
        Loss::pack(params_.loss, loss_buffers_, loss_options_, ws.loss);
        ws.z.resize(x.batch());
        ws.chosen.resize(x.batch());
        const std::size_t block_size = ws.groups.block_of(part.samples);
        ws.blocks.resize(ws.groups.blocks(x.batch(), block_size));
        const T per_number = T(1) / static_cast<T>(part.divisor * Input::size);
        const double divisor = static_cast<double>(part.divisor);
        const auto run_block = [&](std::size_t first, std::size_t count, std::size_t block, Scratch& s, Params& g,
                                   nn::BlockOrder* order) {
            const Batch masked = x.slice(first, count);
            const Images in = masked.images();
            const View<T, Latent> z = ws.z.view().slice(first, count);
            const View<Token, Shape<tokens>> chosen = ws.chosen.view().slice(first, count);
            const std::size_t sample = part.first + first;
            s.y.resize(count);
            s.dy.resize(count);
            s.q.resize(count);
            s.dq.resize(count);
            s.dz.resize(count);
            const View<const T, Decoded> q = std::as_const(s.q);
            nn::begin<Encoder>(s.encoder, {true, ws.rng.split(2), sample, nn::order_inside<Encoder>(order)});
            nn::begin<Decoder>(s.decoder, {true, ws.rng.split(3), sample, nn::order_inside<Decoder>(order)});
            // forward
            Encoder::forward(ws.frozen.encoder(), in, z, s.encoder);
            Q::forward(ws.frozen.quantizer(), {.training = true, .rng = ws.rng.split(5), .first = sample}, z, chosen,
                       s.q.view(), s.quantizer);
            ws.positions.template apply<Q>(first, chosen, s.q.view());
            Decoder::forward(ws.frozen.decoder(), q, s.y.view(), s.decoder);
            // backward: decoder, the quantizer's gradient estimator, its loss terms, encoder
            typename Totals::Block& sums = ws.blocks[block];
            nn::backward_in_order<Loss>(order, [&] {
                sums.reconstruction = detail::counted_loss<Loss>(ws.loss, std::as_const(s.y), in, masked.mask(),
                                                                 s.dy.view(), s.loss, g.loss, per_number, s.target);
            });
            nn::backward_in_order<Decoder>(order, [&] {
                Decoder::backward(ws.frozen.decoder(), q, std::as_const(s.y), std::as_const(s.dy), s.dq.view(),
                                  s.decoder, g.decoder);
            });
            nn::backward_in_order<Q>(order, [&] {
                Q::backward(ws.frozen.quantizer(), z, chosen, q, std::as_const(s.dq), s.dz.view(), s.quantizer,
                            g.quantizer);
                sums.terms = vq::regularize<Q>(ws.frozen.quantizer(), z, chosen, q, s.dz.view(), s.quantizer,
                                               g.quantizer, divisor);
            });
            nn::backward_in_order<Encoder>(order, [&] {
                nn::backward_params<Encoder>(ws.frozen.encoder(), in, View<const T, Latent>{z}, std::as_const(s.dz),
                                             s.dy, s.encoder, g.encoder);
            });
            if constexpr (std::same_as<Latent, Decoded>)
                sums.distance = ws.positions.squared_error(first, z, q, s.dz.view());
        };
        ws.groups.run(x.batch(), grad, run_block, block_size);
        Totals::sum(ws.blocks, ws.chosen.span(), ws.totals);
    }

    Options options_;
    LossOptions loss_options_;
    Params params_;
    Buffers buffers_;
    typename Loss::Buffers loss_buffers_;
    Param<std::int64_t, Shape<1>> initialized_;
    Rng rng_;
    Lifetime lifetime_;
};

}  // namespace tessera
