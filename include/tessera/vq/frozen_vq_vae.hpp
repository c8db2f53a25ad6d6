#pragma once
// FrozenVqVae: the weights of a VqVae packed once, for encoding and decoding.
//
//     tokens = quantizer(encoder(x)),   y = decoder(lookup(tokens))
//
// All functions are const, so threads may share one object; each passes a separate workspace. Threads share a batch by
// images, or by layers where there are at most 16 images (one image, std: 325 instead of 540 us on two cores of Zen 3);
// a quantizer with encode_rows is then shared as well.
//
// A batch or dataset of images may have a mask of pixels (vq/masked_images.hpp), and is seen as in training: the
// encoder sees all pixels, a position that does not count has no token and q = 0. An evaluation counts what counts:
//
//     mse = sum of (y - x)^2 over the pixels that count / their numbers,   usage and (z - q)^2 likewise by positions
//
// Shapes   x, y [batch, Encoder::Input], z [batch, Encoder::Output], tokens [batch, Quantizer::tokens]
// Errors   ArgumentError where two batch sizes differ, a dataset or range is empty, or no pixel to evaluate counts;
//          DataError for a token that is not in its vocabulary (below `codes`, or codes_of), and where a pixel to
//          evaluate is not in the range; NumericError where the quantizer finds no token for a row, with the image if
//          it has a value that is not finite; StateError where nothing was packed, or all was moved away, and
//          where a dataset gets another size meanwhile; static_assert where a mask does not fit the model (MaskRules)
// Cost     one packed copy of the weights. Nothing is allocated with a workspace that has seen the batch size before;
//          datasets are processed in pieces of 512 images
//
// Over 250 lines: encoding, decoding and evaluation share the blocks and the workspace.

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/has_contents.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/value_range.hpp>
#include <tessera/data/dataset.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/data/unchanged_size.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/exec/rounds.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/step.hpp>
#include <tessera/vq/detail/finite_pixels.hpp>
#include <tessera/vq/detail/image_piece.hpp>
#include <tessera/vq/detail/position_mask.hpp>
#include <tessera/vq/masked_images.hpp>
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
    using MaskRules = vq::MaskRules<Input, Q>;
    using Batch = vq::MaskedImages<T, Input, MaskRules>;  ///< images, which may have a mask

    struct Scratch {
        typename Encoder::Cache encoder;
        typename Q::Cache quantizer;
        typename Decoder::Cache decoder;
        Tensor<T, Latent> z;
        Tensor<T, Decoded> q;
        vq::detail::PositionMask<T, Input, Latent, MaskRules> positions;
        Tensor<T, Latent> counted_z;  // these two only with a mask
        Tensor<T, Input> target;
    };
    using Workspace = std::vector<Scratch>;

    void pack(const typename Encoder::Params& encoder, const typename Q::Params& params,
              const typename Q::Buffers& buffers, const typename Q::Options& options,
              const typename Decoder::Params& decoder) {
        check_leaves(encoder, params, buffers, decoder);
        with_fp_environment([&] {
            nn::pack<Encoder>(encoder, encoder_);
            nn::pack<Decoder>(decoder, decoder_);
            Q::pack(params, buffers, options, quantizer_);
        });
        packed_.set();
    }
    /// For encoding and decoding only: leaves out what only backward reads, and packs the layers on all threads.
    void pack_forward(const typename Encoder::Params& encoder, const typename Q::Params& params,
                      const typename Q::Buffers& buffers, const typename Q::Options& options,
                      const typename Decoder::Params& decoder) {
        check_leaves(encoder, params, buffers, decoder);
        with_fp_environment([&] {
            nn::PackJobs jobs;
            jobs.add<Encoder>(encoder, encoder_);
            jobs.add<Decoder>(decoder, decoder_);
            jobs.run();
            Q::pack(params, buffers, options, quantizer_);
        });
        packed_.set();
    }
    /// In training: what terms need of the whole batch, whose encoder's output is z.
    void pack_batch(View<const T, Latent> z, typename Q::Cache& cache) { vq::pack_batch<Q>(z, quantizer_, cache); }
    const nn::Weights<Encoder>& encoder() const { return encoder_; }
    const nn::Weights<Decoder>& decoder() const { return decoder_; }
    const typename Q::Packed& quantizer() const { return quantizer_; }

    /// z = encoder(x), of all pixels
    void encode_vectors(View<const T, Input> x, View<T, Latent> z, Workspace& ws) const {
        check_call("encode_vectors", x.batch(), z.batch());
        nn::for_groups(x.batch(), ws, [&](std::size_t first, std::size_t count, std::size_t, Scratch& s) {
            nn::begin<Encoder>(s.encoder, {});
            Encoder::forward(encoder_, x.slice(first, count), z.slice(first, count), s.encoder);
        });
    }
    /// A position that does not count gets no_token. Messages number the images from `first_image` on: x may be a piece
    /// of a data set.
    void encode(Batch x, View<Token, Shape<tokens>> out, Workspace& ws, std::size_t first_image = 0) const {
        check_call("encode", x.batch(), out.batch());
        if (const std::size_t workers = team_for(x.batch()); workers > 1) {
            Scratch& s = first_of(ws);
            s.z.resize(x.batch());
            const View<const T, Latent> z = std::as_const(s.z);
            forward_together<Encoder>(workers, encoder_, x.images(), s.z.view(), s.encoder,
                                      [&](const kernel::Worker& me) {
                                          if constexpr (vq::EncodesRows<Q>) {
                                              const auto [first, last] = me.share(x.batch() * row_count<Latent>);
                                              Q::encode_rows(quantizer_, z, out, first, last);
                                          }
                                      });
            // A row without a token: forward finds it and throws with the reason.
            if (!vq::EncodesRows<Q> || std::ranges::find(out.span(), no_token) != out.span().end()) {
                s.q.resize(x.batch());
                with_fp_environment([&] { find_tokens(x, z, out, s, first_image); });
            }
            return apply_mask(x, out, s);
        }
        nn::for_groups(x.batch(), ws, [&](std::size_t first, std::size_t count, std::size_t, Scratch& s) {
            encode_block(x.slice(first, count), out.slice(first, count), s, first_image + first);
        });
    }
    void decode(View<const Token, Shape<tokens>> in, View<T, Input> y, Workspace& ws) const {
        check_call("decode", in.batch(), y.batch());
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

    /// Calls f(first, x, tokens) for pieces of a dataset, in order. With a mask some tokens are no_token.
    template <data::Dataset D, class F>
    void encode_dataset(const D& images, F&& f) const {
        with_fp_environment([&] {
            Workspace ws;
            vq::detail::ImagePiece<Batch, T, Input> copied;
            Tensor<Token, Shape<tokens>> out;
            const data::UnchangedSize unchanged{images, "VqVae::encode"};
            for (std::size_t first = 0; first < unchanged.size(); first += piece) {
                unchanged.refuse_change(images);
                const Batch x = copied.copy(images, first, (std::min)(piece, unchanged.size() - first));
                out.resize(x.batch());
                encode(x, out, ws, first);
                unchanged.refuse_change(images);
                f(first, x.images(), View<const Token, Shape<tokens>>{out});
            }
        });
    }

    /// The tokens of a dataset, with its labels. Where a position does not count, no_token, which a prior refuses: for
    /// one, encode data::AllPixels{images}.
    template <data::Dataset D>
    [[nodiscard]] data::Tokens<tokens> encode(const D& images) const {
        std::vector<Token> out;
        out.reserve(images.size() * tokens);
        encode_dataset(images, [&](std::size_t, View<const T, Input>, View<const Token, Shape<tokens>> found) {
            out.insert(out.end(), found.span().begin(), found.span().end());
        });
        std::vector<Label> labels;
        std::size_t classes = 0;
        if constexpr (data::LabelledDataset<D>)
            if (images.labelled()) {
                for (std::size_t i = 0; i < out.size() / tokens; ++i) labels.push_back(images.label(i));
                if constexpr (requires { images.classes(); }) classes = images.classes();
            }
        return data::Tokens<tokens>{std::move(out), std::move(labels), classes};
    }

    /// DataError where a pixel that counts is not in `range`, to which reconstructions are clamped.
    template <data::Dataset D>
    [[nodiscard]] VqVaeEvaluation evaluate(const D& images, const ValueRange& range = {}) const {
        range.check_valid("VqVae::evaluate");
        return evaluate_in(images, &range);
    }
    /// The same for a batch: evaluate({x, mask}).
    [[nodiscard]] VqVaeEvaluation evaluate(Batch x, const ValueRange& range = {}) const {
        range.check_valid("VqVae::evaluate");
        return evaluate_in(x, &range);
    }
    template <data::Dataset D>
    [[nodiscard]] CodebookReport codebook_report(const D& images) const {
        return evaluate_in(images, nullptr);
    }
    [[nodiscard]] CodebookReport codebook_report(Batch x) const { return evaluate_in(x, nullptr); }

private:
    /// StateError where the model was moved from: packing reads the leaves without a check.
    template <class... P>
    static void check_leaves(const P&... sets) {
        (P::each(tessera::detail::CheckLeaf{}, sets), ...);
    }

    using Totals = VqVaeTotals<Q>;
    static constexpr std::size_t piece = 512;  // images of a dataset that are in memory as numbers at a time

    struct Sums {
        double error = 0, distance = 0;
        std::size_t pixels = 0, positions = 0;  // that count
    };

    /// Without a range nothing is checked or clamped, and the errors of the reconstructions are unused.
    template <class D>
    VqVaeEvaluation evaluate_in(const D& images, const ValueRange* range) const {
        if (images.size() == 0) throw ArgumentError("VqVae::evaluate: images: expected at least one, got 0");
        check_packed();
        return with_fp_environment([&] {
            VqVaeEvaluation result;
            result.counts.assign(Totals::first_count[Totals::levels], 0);
            Workspace ws;
            vq::detail::ImagePiece<Batch, T, Input> copied;
            Tensor<Token, Shape<tokens>> out;
            std::vector<Sums> blocks;
            Sums total;
            const data::UnchangedSize unchanged{images, "VqVae::evaluate"};
            Tensor<T, Input> y{(std::min)(piece, unchanged.size())};
            for (std::size_t first = 0; first < unchanged.size(); first += piece) {
                unchanged.refuse_change(images);
                const Batch x = copied.copy(images, first, (std::min)(piece, unchanged.size() - first));
                unchanged.refuse_change(images);
                out.resize(x.batch());
                blocks.assign(nn::group_count(x.batch()), {});
                for (std::size_t n = 0; range && n < x.batch(); ++n) check_range(x.slice(n, 1), *range, first + n);
                nn::for_groups(x.batch(), ws, [&](std::size_t at, std::size_t count, std::size_t block, Scratch& s) {
                    blocks[block] = evaluate_block(x.slice(at, count), out.view().slice(at, count),
                                                   y.view().slice(at, count), s, first + at, range);
                });
                for (const Sums& s : blocks) {
                    total.error += s.error;
                    total.distance += s.distance;
                    total.pixels += s.pixels;
                    total.positions += s.positions;
                }
                Totals::count(std::as_const(out).span(), std::span<std::size_t>{result.counts});
            }
            if (total.pixels == 0)
                throw ArgumentError("VqVae::evaluate: mask: expected at least one pixel that counts, got 0");
            for (std::size_t l = 0; l < Totals::levels; ++l)
                result.levels.push_back(Totals::usage_of(std::span<const std::size_t>{result.counts}, l));
            const LevelUsage all = total_usage(result.levels);
            result.perplexity = all.perplexity;
            result.usage = all.usage;
            result.quantization_mse = total.distance / static_cast<double>(total.positions * last_dim<Latent>);
            result.mse = total.error / static_cast<double>(total.pixels * last_dim<Input>);
            const T width = range ? static_cast<T>(range->high) - static_cast<T>(range->low) : T(1);
            result.psnr_db = 20.0 * std::log10(static_cast<double>(width)) - 10.0 * std::log10(result.mse);
            return result;
        });
    }
    /// The sums of a block, its tokens and y; `first`: the index of its first image.
    Sums evaluate_block(Batch x, View<Token, Shape<tokens>> out, View<T, Input> y, Scratch& s, std::size_t first,
                        const ValueRange* range) const {
        encode_block(x, out, s, first);
        Sums sums{.pixels = x.batch() * row_count<Input>, .positions = x.batch() * row_count<Latent>};
        if constexpr (std::same_as<Latent, Decoded>) {
            if (x.has_mask()) s.counted_z.resize(x.batch());
            sums.distance = s.positions.squared_error(0, std::as_const(s.z), std::as_const(s.q), s.counted_z.view());
        }
        nn::begin<Decoder>(s.decoder, {});
        Decoder::forward(decoder_, View<const T, Decoded>{s.q}, y, s.decoder);
        if (range)
            for (T& v : y.span()) v = std::clamp(v, static_cast<T>(range->low), static_cast<T>(range->high));
        View<const T, Input> target = x.images();
        if (x.has_mask()) {
            sums.positions = static_cast<std::size_t>(std::ranges::count(s.positions.counts(), T(1)));
            s.target.resize(x.batch());
            sums.pixels = copy_counted(x, s.target, y);
            target = std::as_const(s.target);
        }
        sums.error = kernel::squared_error<T>(View<const T, Input>{y}.span(), target.span());
        return sums;
    }
    /// target = x and y as it is where a pixel counts, both 0 where not. Returns how many count.
    static std::size_t copy_counted(Batch x, View<T, Input> target, View<T, Input> y) {
        constexpr std::size_t channels = last_dim<Input>;
        std::size_t pixels = 0;
        for (std::size_t i = 0; i < x.mask().elements(); ++i) {
            T* const to = target.data() + i * channels;
            if (x.mask().data()[i] != 0) {
                std::copy_n(x.data() + i * channels, channels, to);
                ++pixels;
            } else {
                std::fill_n(to, channels, T(0));
                std::fill_n(y.data() + i * channels, channels, T(0));
            }
        }
        return pixels;
    }

    static void check_range(Batch image, const ValueRange& range, std::size_t index) {
        const T slack = static_cast<T>(1e-5f * range.width());  // x / 127.5 - 1 in floats may be a little above 1
        for (std::size_t i = 0; i < Input::size; ++i) {
            const T v = image.data()[i];
            const bool inside = v >= static_cast<T>(range.low) - slack && v <= static_cast<T>(range.high) + slack;
            if (inside || (image.has_mask() && image.mask().data()[i / last_dim<Input>] == 0)) continue;
            throw DataError(
                "VqVae::evaluate: image " + std::to_string(index) +
                ": value: " + expected_got(number_text(range.low) + " to " + number_text(range.high), number_text(v)) +
                (std::isfinite(v) ? ": pass the range of the data, as evaluate(images, {.low = -1, .high = 1})" : ""));
        }
    }
    void check_call(const char* where, std::size_t in, std::size_t out) const {
        check_packed();
        if (in != out)
            throw ArgumentError("VqVae::" + std::string{where} + ": batch of the output: " + expected_got(in, out));
    }
    void check_packed() const { packed_.refuse_empty("FrozenVqVae", "packed weights"); }
    // `first`: the index of the first image, for error messages
    void encode_block(Batch x, View<Token, Shape<tokens>> out, Scratch& s, std::size_t first) const {
        s.z.resize(x.batch());
        s.q.resize(x.batch());
        nn::begin<Encoder>(s.encoder, {});
        Encoder::forward(encoder_, x.images(), s.z.view(), s.encoder);
        find_tokens(x, std::as_const(s.z), out, s, first);
        apply_mask(x, out, s);
    }
    void find_tokens(Batch x, View<const T, Latent> z, View<Token, Shape<tokens>> out, Scratch& s,
                     std::size_t first) const {
        vq::detail::explain_by_images(
            x, first, [&] { Q::forward(quantizer_, {.first = first}, z, out, s.q.view(), s.quantizer); });
    }
    static void apply_mask(Batch x, View<Token, Shape<tokens>> out, Scratch& s) {
        s.positions.set(x.mask());
        if (!x.has_mask()) return;
        s.q.resize(x.batch());
        s.positions.template apply<Q>(0, out, s.q.view());
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
    HasContents packed_;
};

}  // namespace tessera
