#pragma once
// VqVae: an encoder, a codebook, a decoder (van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937).
//
//     z = encoder(x),   q = e[a(z)],   y = decoder(q)
//     loss = mean (y - x)^2 + beta mean (z - sg(q))^2
//     dz = dq + 2 beta (z - q) / numbers in z          straight through the quantizer
//
// Input    the encoder's: images Shape<height, width, channels> in [0, 1]
// Codes    tokens = height x width of the encoder's output; one of `codes` each
// Params   encoder, decoder;  the codebook is learned by update_buffers (vq/ema.hpp), not by the optimiser
//
// Evaluation (encode, decode, reconstruct, evaluate) is const and works from the weights as they are.

#include <tessera/core/error.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/kernel/denormals.hpp>
#include <tessera/loss/mse.hpp>
#include <tessera/nn/grouped.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/frozen_vq_vae.hpp>
#include <tessera/vq/kmeans.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/vq_vae_options.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <nn::Layer Encoder, class Book, nn::Layer Decoder, class Loss = Mse>
class VqVae {
    static_assert(std::same_as<typename Decoder::Input, typename Encoder::Output>,
                  "VqVae: the decoder must take exactly what the encoder gives");
    static_assert(std::same_as<typename Decoder::Output, typename Encoder::Input>,
                  "VqVae: the decoder must give back what the encoder takes");
    static_assert(std::same_as<typename Encoder::Scalar, typename Decoder::Scalar>,
                  "VqVae: encoder and decoder must have one scalar type");

public:
    using Scalar = typename Encoder::Scalar;
    using T = Scalar;
    using Input = typename Encoder::Input;
    using Latent = typename Encoder::Output;
    static constexpr std::string_view kind = "vq_vae";
    static constexpr std::size_t width = last_dim<Latent>, tokens = row_count<Latent>, codes = Book::size;
    using State = typename Book::template Bind<width, T>;
    using Batch = View<const T, Input>;
    using Codes = View<const Token, Shape<tokens>>;
    using Report = VqVaeReport;

    struct Params {
        typename Encoder::Params encoder;
        typename Decoder::Params decoder;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            Encoder::Params::each(under("encoder", f), p.encoder...);
            Decoder::Params::each(under("decoder", f), p.decoder...);
        }
    };

    using Frozen = FrozenVqVae<Encoder, State, Decoder>;

private:
    struct Scratch {
        typename Encoder::Cache encoder;
        typename Decoder::Cache decoder;
        Tensor<T, Latent> q, dq;
        Tensor<T, Input> y, dy;
    };
    struct Losses {
        double reconstruction = 0, commitment = 0;
    };

public:
    /// What a training step works in; nothing is allocated in it after the first step of the largest batch.
    struct Workspace {
        Rng rng{};  ///< of this step: dropout, revival
        Frozen frozen;  ///< of the weights of this step
        typename Frozen::Workspace encoding;
        nn::Grouped<Params, Scratch, T> groups;
        Tensor<T, Latent> z;
        Tensor<Token, Shape<tokens>> codes;
        std::vector<Losses> losses;
        std::vector<std::size_t> counts;
        std::optional<State> before;  ///< the codes before k-means replaced them, until the step is done
    };

    explicit VqVae(Rng& rng, VqVaeOptions options = {}) : options_{checked(options)} {
        kernel::in_own_mode([&] {
            Rng own = rng.fork();
            Encoder::init(params_.encoder, own);
            Decoder::init(params_.decoder, own);
            book_.init(own);
        });
    }

    Params& params() { return params_; }
    const Params& params() const { return params_; }
    const State& codebook() const { return book_; }
    State& codebook() { return book_; }
    const VqVaeOptions& options() const { return options_; }

    /// Parameters and codebook under their names in files.
    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        Params::each(f, models.params_...);
        State::each(under("codebook", f), models.book_...);
    }

    /// Before the first step: the codes start from the encoder's vectors of this batch.
    void prepare(Batch x, Workspace& ws) {
        if (!options_.kmeans || book_.steps[0] > T(0) || x.batch() == 0) return;
        ws.z.resize(x.batch());
        freeze(ws.frozen);
        ws.frozen.encode_vectors(x, ws.z, ws.encoding);
        check_finite(std::span<const T>{ws.z.span()}, "encoder output");
        ws.before = book_;
        kmeans(book_, std::span<const T>{ws.z.span()}, ws.rng.split(1));
    }

    /// After a step that failed: the codes as they were before it.
    void undo_prepare(Workspace& ws) noexcept {
        if (ws.before) book_ = std::move(*ws.before);
        ws.before.reset();
    }

    /// Adds the gradient of the batch's mean loss to grad; codes and vectors of the batch stay in ws for update_buffers.
    Report loss_and_grad(Batch x, Workspace& ws, Params& grad) const {
        if (x.batch() == 0) throw ArgumentError("VqVae: batch: expected at least one image, got 0");
        return kernel::in_own_mode([&] { return mean_loss_and_grad(x, x.batch(), ws, grad); });
    }

    /// The moving averages and the revival, with the codes of the last loss_and_grad.
    void update_buffers(Workspace& ws) {
        const std::span<const T> z = ws.z.span();
        ema_update(book_, z, std::span<const Token>{ws.codes.span()}, options_.ema);
        revive(book_, z, options_.revive, ws.rng.split(4));
        ws.before.reset();
    }

    /// The weights as they are now, packed for encoding and decoding; do this once to encode many small batches.
    Frozen freeze() const {
        Frozen frozen;
        freeze(frozen);
        return frozen;
    }
    /// Codes of images.
    void encode(Batch x, View<Token, Shape<tokens>> out) const {
        typename Frozen::Workspace ws;
        freeze().encode(x, out, ws);
    }
    /// Codes of a dataset; its labels are kept.
    template <data::Dataset D>
    data::Tokens<tokens> encode(const D& images) const {
        std::vector<Token> out(images.size() * tokens);
        freeze().encode_dataset(images, [&](std::size_t first, Batch, Codes piece) {
            std::ranges::copy(piece.span(), out.data() + first * tokens);
        });
        std::vector<Label> labels;
        std::size_t classes = 0;
        if constexpr (data::LabelledDataset<D>)
            if (images.labelled()) {
                for (std::size_t i = 0; i < images.size(); ++i) labels.push_back(images.label(i));
                if constexpr (requires { images.classes(); }) classes = images.classes();
            }
        return data::Tokens<tokens>{std::move(out), std::move(labels), classes};
    }
    /// Images of codes; DataError for a token that is no code.
    Tensor<T, Input> decode(Codes chosen) const {
        Tensor<T, Input> y{chosen.batch()};
        typename Frozen::Workspace ws;
        freeze().decode(chosen, y, ws);
        return y;
    }
    Tensor<T, Input> decode(const data::Tokens<tokens>& chosen) const { return decode(chosen.view()); }
    /// decode(encode(x))
    Tensor<T, Input> reconstruct(Batch x) const {
        Tensor<Token, Shape<tokens>> chosen{x.batch()};
        encode(x, chosen.view());
        return decode(Codes{chosen});
    }
    /// Error, and use of the codes, over a whole dataset.
    template <data::Dataset D>
    VqVaeEvaluation evaluate(const D& images) const {
        return freeze().evaluate(images);
    }
    template <data::Dataset D>
    CodebookReport codebook_report(const D& images) const {
        return evaluate(images);
    }

private:
    void freeze(Frozen& frozen) const { frozen.pack(params_.encoder, book_, params_.decoder); }

    Report mean_loss_and_grad(Batch x, std::size_t batch, Workspace& ws, Params& grad) const {
        freeze(ws.frozen);
        ws.z.resize(batch);
        ws.codes.resize(batch);
        ws.losses.resize(ws.groups.blocks(batch));
        const T per_pixel = T(1) / static_cast<T>(x.elements()), per_number = T(1) / static_cast<T>(batch * Latent::size);
        ws.groups.run(batch, grad, [&](std::size_t first, std::size_t count, std::size_t block, Scratch& s, Params& g) {
            const Batch in = x.slice(first, count);
            const View<T, Latent> z = ws.z.view().slice(first, count);
            const View<Token, Shape<tokens>> chosen = ws.codes.view().slice(first, count);
            s.y.resize(count), s.dy.resize(count), s.q.resize(count), s.dq.resize(count);
            nn::begin<Encoder>(s.encoder, {true, ws.rng.split(2), first});
            nn::begin<Decoder>(s.decoder, {true, ws.rng.split(3), first});

            Encoder::forward(ws.frozen.encoder(), in, z, s.encoder);
            quantize(ws.frozen.book(), View<const T, Latent>{z}.span(), chosen.span(), s.q.span(), first * tokens);
            Decoder::forward(ws.frozen.decoder(), View<const T, Latent>{s.q}, s.y.view(), s.decoder);
            const double error = Loss::template loss_and_grad<T>(s.y.span(), in.span(), s.dy.span(), per_pixel);
            Decoder::backward(ws.frozen.decoder(), View<const T, Latent>{s.q}, View<const T, Input>{s.y},
                              View<const T, Input>{s.dy}, s.dq.view(), s.decoder, g.decoder);
            const double distance = commit(View<const T, Latent>{z}.span(), std::span<const T>{s.q.span()}, s.dq.span(),
                                           T(2) * T(options_.commitment) * per_number);
            nn::backward_params<Encoder>(ws.frozen.encoder(), in, View<const T, Latent>{z}, View<const T, Latent>{s.dq},
                                         s.dy, s.encoder, g.encoder);
            ws.losses[block] = {error, distance};
        });
        return report(ws, static_cast<double>(x.elements()));
    }

    Report report(Workspace& ws, double pixels) const {
        ws.counts.assign(codes, 0);
        for (const Token k : ws.codes.span()) ++ws.counts[k];
        Report r;
        for (const Losses& l : ws.losses) r.reconstruction += l.reconstruction, r.commitment += l.commitment;
        r.reconstruction /= pixels;
        r.commitment /= static_cast<double>(ws.z.span().size());
        r.loss = std::fma(static_cast<double>(options_.commitment), r.commitment, r.reconstruction);
        r.perplexity = perplexity(ws.counts, &r.used);
        return r;
    }
    VqVaeOptions options_;
    Params params_;
    State book_;
};

}  // namespace tessera
