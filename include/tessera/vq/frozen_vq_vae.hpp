#pragma once
// FrozenVqVae: the weights of a VqVae packed once, for encoding and decoding.
//
//     tokens = quantizer(encoder(x)),   y = decoder(lookup(tokens))
//
// All functions are const, so threads may share one object; each passes a separate workspace. Threads share a batch by
// images, or by layers where there are at most 16 images (one image, std: 325 instead of 540 us on two cores of Zen 3);
// a quantizer with encode_rows is then shared as well.
//
// Shapes   x, y [batch, Encoder::Input], z [batch, Encoder::Output], tokens [batch, Quantizer::tokens]
// Errors   ArgumentError where two batch sizes differ or a dataset or range is empty; DataError for a token that is not
//          in its vocabulary (below `codes`, or codes_of), and where an image to evaluate is not in the range;
//          NumericError where the quantizer finds no token for a row
// Cost     one packed copy of the weights. Nothing is allocated with a workspace that has seen the batch size before;
//          datasets are processed in pieces of 512 images
//
// Over 250 lines: encoding, decoding and evaluation share the blocks and the workspace.

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/value_range.hpp>
#include <tessera/data/copy_piece.hpp>
#include <tessera/data/dataset.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/vq_vae_report.hpp>
#include <tessera/vq/vq_vae_totals.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <nn::Layer Encoder, vq::Quantizer Q, nn::Layer Decoder>
class FrozenVqVae {
public:
    using T = typename Encoder::Scalar;
    using Input = typename Encoder::Input;
    using Latent = typename Encoder::Output;
    using Decoded = typename Decoder::Input;
    static constexpr std::size_t tokens = Q::tokens, codes = Q::codes;

    struct Scratch {
        typename Encoder::Cache encoder;
        typename Q::Cache quantizer;
        typename Decoder::Cache decoder;
        Tensor<T, Latent> z;
        Tensor<T, Decoded> q;
    };
    using Workspace = std::vector<Scratch>;

    void pack(const typename Encoder::Params& encoder, const typename Q::Params& params,
              const typename Q::Buffers& buffers, const typename Q::Options& options,
              const typename Decoder::Params& decoder) {
        with_fp_environment([&] {
            nn::pack<Encoder>(encoder, encoder_);
            nn::pack<Decoder>(decoder, decoder_);
            Q::pack(params, buffers, options, quantizer_);
        });
    }
    /// For encoding and decoding only: leaves out what only backward reads, and packs the layers on all threads.
    void pack_forward(const typename Encoder::Params& encoder, const typename Q::Params& params,
                      const typename Q::Buffers& buffers, const typename Q::Options& options,
                      const typename Decoder::Params& decoder) {
        with_fp_environment([&] {
            nn::PackJobs jobs;
            jobs.add<Encoder>(encoder, encoder_);
            jobs.add<Decoder>(decoder, decoder_);
            jobs.run();
            Q::pack(params, buffers, options, quantizer_);
        });
    }
    /// In training: what terms need of the whole batch, whose encoder's output is z.
    void pack_batch(View<const T, Latent> z, typename Q::Cache& cache) { vq::pack_batch<Q>(z, quantizer_, cache); }
    const nn::Weights<Encoder>& encoder() const { return encoder_; }
    const nn::Weights<Decoder>& decoder() const { return decoder_; }
    const typename Q::Packed& quantizer() const { return quantizer_; }

    /// z = encoder(x)
    void encode_vectors(View<const T, Input> x, View<T, Latent> z, Workspace& ws) const {
        check_batch("encode_vectors", x.batch(), z.batch());
        nn::for_groups(x.batch(), ws, [&](std::size_t first, std::size_t count, std::size_t, Scratch& s) {
            nn::begin<Encoder>(s.encoder, {});
            Encoder::forward(encoder_, x.slice(first, count), z.slice(first, count), s.encoder);
        });
    }
    /// Messages number the images from `first_image` on: x may be a piece of a data set.
    void encode(View<const T, Input> x, View<Token, Shape<tokens>> out, Workspace& ws,
                std::size_t first_image = 0) const {
        check_batch("encode", x.batch(), out.batch());
        if (const std::size_t workers = team_for(x.batch()); workers > 1) {
            Scratch& s = first_of(ws);
            s.z.resize(x.batch());
            const View<const T, Latent> z = std::as_const(s.z);
            forward_together<Encoder>(workers, encoder_, x, s.z.view(), s.encoder, [&](const kernel::Worker& me) {
                if constexpr (vq::EncodesRows<Q>) {
                    const auto [first, last] = me.share(x.batch() * row_count<Latent>);
                    Q::encode_rows(quantizer_, z, out, first, last);
                }
            });
            // A row without a token: forward finds it and throws with the reason.
            if (!vq::EncodesRows<Q> || std::ranges::find(out.span(), no_token) != out.span().end()) {
                s.q.resize(x.batch());
                with_fp_environment(
                    [&] { Q::forward(quantizer_, {.first = first_image}, z, out, s.q.view(), s.quantizer); });
            }
            return;
        }
        nn::for_groups(x.batch(), ws, [&](std::size_t first, std::size_t count, std::size_t, Scratch& s) {
            encode_block(x.slice(first, count), out.slice(first, count), s, first_image + first);
        });
    }
    void decode(View<const Token, Shape<tokens>> in, View<T, Input> y, Workspace& ws) const {
        check_batch("decode", in.batch(), y.batch());
        for (std::size_t i = 0; i < in.elements(); ++i)
            if (const std::size_t most = vq::codes_of<Q>(i % tokens); in.data()[i] >= most && in.data()[i] != no_token)
                throw DataError("VqVae::decode: token " + std::to_string(i) + ": " +
                                expected_got("less than " + std::to_string(most), std::to_string(in.data()[i])));
        if (const std::size_t workers = team_for(in.batch()); workers > 1) {
            Scratch& s = first_of(ws);
            s.q.resize(in.batch());
            with_fp_environment([&] { Q::lookup(quantizer_, in, s.q.view(), s.quantizer); });
            return forward_together<Decoder>(workers, decoder_, View<const T, Decoded>{s.q}, y, s.decoder,
                                             [](auto&) {});
        }
        nn::for_groups(in.batch(), ws, [&](std::size_t first, std::size_t count, std::size_t, Scratch& s) {
            s.q.resize(count);
            Q::lookup(quantizer_, in.slice(first, count), s.q.view(), s.quantizer);
            nn::begin<Decoder>(s.decoder, {});
            Decoder::forward(decoder_, View<const T, Decoded>{s.q}, y.slice(first, count), s.decoder);
        });
    }

    /// Calls f(first, x, tokens) for pieces of a dataset, in order.
    template <data::Dataset D, class F>
    void encode_dataset(const D& images, F&& f) const {
        with_fp_environment([&] {
            Workspace ws;
            Tensor<T, Input> x;
            Tensor<Token, Shape<tokens>> out;
            for (std::size_t first = 0; first < images.size(); first += piece) {
                x.resize((std::min)(piece, images.size() - first));
                out.resize(x.batch());
                data::copy_piece(images, first, x.view());
                encode(x, out, ws, first);
                f(first, View<const T, Input>{x}, View<const Token, Shape<tokens>>{out});
            }
        });
    }

    /// The tokens of a dataset, with its labels.
    template <data::Dataset D>
    [[nodiscard]] data::Tokens<tokens> encode(const D& images) const {
        std::vector<Token> out(images.size() * tokens);
        encode_dataset(images, [&](std::size_t first, View<const T, Input>, View<const Token, Shape<tokens>> found) {
            std::ranges::copy(found.span(), out.data() + first * tokens);
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

    /// DataError where a value of the images is not in `range`, to which reconstructions are clamped.
    template <data::Dataset D>
    VqVaeEvaluation evaluate(const D& images, const ValueRange& range = {}) const {
        range.require("VqVae::evaluate");
        return evaluate_in(images, &range);
    }
    template <data::Dataset D>
    CodebookReport codebook_report(const D& images) const {
        return evaluate_in(images, nullptr);
    }

private:
    using Totals = VqVaeTotals<Q>;
    static constexpr std::size_t piece = 512;  // images of a dataset that are in memory as numbers at a time

    /// Without a range nothing is checked or clamped, and the errors of the reconstructions are unused.
    template <data::Dataset D>
    VqVaeEvaluation evaluate_in(const D& images, const ValueRange* range) const {
        if (images.size() == 0) throw ArgumentError("VqVae::evaluate: images: expected at least one, got 0");
        const T low = range ? static_cast<T>(range->low) : T(0), high = range ? static_cast<T>(range->high) : T(1);
        return with_fp_environment([&] {
            struct Sums {
                double error = 0, distance = 0;
            };
            VqVaeEvaluation result;
            result.counts.assign(Totals::first_count[Totals::levels], 0);
            Workspace ws;
            Tensor<T, Input> x;
            Tensor<Token, Shape<tokens>> out;
            std::vector<Sums> blocks;
            Sums total;
            Tensor<T, Input> y{piece};
            for (std::size_t first = 0; first < images.size(); first += piece) {
                x.resize((std::min)(piece, images.size() - first));
                out.resize(x.batch());
                blocks.assign(nn::group_count(x.batch()), {});
                data::copy_piece(images, first, x.view());
                for (std::size_t n = 0; range && n < x.batch(); ++n) check_range(x[n], *range, first + n);
                nn::for_groups(x.batch(), ws, [&](std::size_t at, std::size_t count, std::size_t block, Scratch& s) {
                    const auto in = View<const T, Input>{x}.slice(at, count);
                    const auto image = y.view().slice(at, count);
                    encode_block(in, out.view().slice(at, count), s, first + at);
                    if constexpr (std::same_as<Latent, Decoded>)
                        blocks[block].distance = kernel::squared_error<T>(s.z.span(), s.q.span());
                    nn::begin<Decoder>(s.decoder, {});
                    Decoder::forward(decoder_, View<const T, Decoded>{s.q}, image, s.decoder);
                    if (range)
                        for (T& v : image.span()) v = std::clamp(v, low, high);
                    blocks[block].error = kernel::squared_error<T>(image.span(), in.span());
                });
                for (const Sums& s : blocks) {
                    total.error += s.error;
                    total.distance += s.distance;
                }
                Totals::count(std::as_const(out).span(), std::span<std::size_t>{result.counts});
            }
            const double n = static_cast<double>(images.size());
            for (std::size_t l = 0; l < Totals::levels; ++l)
                result.levels.push_back(Totals::usage_of(std::span<const std::size_t>{result.counts}, l));
            const LevelUsage all = total_usage(result.levels);
            result.perplexity = all.perplexity;
            result.usage = all.usage;
            result.quantization_mse = total.distance / (n * static_cast<double>(Latent::size));
            result.mse = total.error / (n * static_cast<double>(Input::size));
            result.psnr_db = 20.0 * std::log10(static_cast<double>(high - low)) - 10.0 * std::log10(result.mse);
            return result;
        });
    }

    static void check_range(std::span<const T, Input::size> image, const ValueRange& range, std::size_t index) {
        const T slack = static_cast<T>(1e-5f * range.width());  // x / 127.5 - 1 in floats may be a little above 1
        for (const T v : image)
            if (v < static_cast<T>(range.low) - slack || v > static_cast<T>(range.high) + slack)
                throw DataError(
                    "VqVae::evaluate: image " + std::to_string(index) + ": value: " +
                    expected_got(number_text(range.low) + " to " + number_text(range.high), number_text(v)) +
                    ": pass the range of the data, as evaluate(images, {.low = -1, .high = 1})");
    }
    static void check_batch(const char* where, std::size_t in, std::size_t out) {
        if (in != out)
            throw ArgumentError("VqVae::" + std::string{where} + ": batch of the output: " + expected_got(in, out));
    }
    // `first`: the index of the first image, for error messages
    void encode_block(View<const T, Input> x, View<Token, Shape<tokens>> out, Scratch& s, std::size_t first) const {
        s.z.resize(x.batch());
        s.q.resize(x.batch());
        nn::begin<Encoder>(s.encoder, {});
        Encoder::forward(encoder_, x, s.z.view(), s.encoder);
        Q::forward(quantizer_, {.first = first}, std::as_const(s.z), out, s.q.view(), s.quantizer);
    }

    // Up to a group of images threads share the layers, not the images. With more than 4 threads some would have no
    // panel of the weights to work on.
    static std::size_t team_for(std::size_t batch) {
        return batch == 0 || batch > nn::group_size ? 1 : (std::min)(kernel::concurrency(), std::size_t{4});
    }
    static Scratch& first_of(Workspace& ws) {
        if (ws.empty()) ws.resize(1);
        return ws[0];
    }
    // y = net(x) by a team, then last(worker) on each worker.
    template <nn::Layer Net, class F>
    static void forward_together(std::size_t workers, const nn::Weights<Net>& w, View<const T, typename Net::Input> x,
                                 View<T, typename Net::Output> y, typename Net::Cache& cache, F&& last) {
        nn::begin<Net>(cache, {});
        nn::resize_cache<Net>(cache, x.batch());
        kernel::run_team(workers, nn::rounds<Net> + 1, [&](const kernel::Worker& me, std::size_t round) {
            if (round < nn::rounds<Net>)
                nn::forward_round<Net>(w, x, y, cache, {me, round});
            else
                last(me);
        });
    }

    nn::Weights<Encoder> encoder_;
    nn::Weights<Decoder> decoder_;
    typename Q::Packed quantizer_;
};

}  // namespace tessera
