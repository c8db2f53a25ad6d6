#pragma once
// likelihood: bits per image and per dimension of a model of two stages, on 8-bit images.
//
//     -log2 p(x) <= -log2 p(t | label) - log2 P(x | decoder(t)),   t = tokens of x
//     bits per dimension = bits per image / (height x width x channels)
//
// An upper bound: x could also have been decoded from other tokens, whose probability is not added. The second term is
// the discretised Gaussian of vq/pixel_bits.hpp with one sigma for all pixels, which the caller states: the root of the
// mean squared error on the training images (VqVae::evaluate), not on those that are measured. Both terms together
// are the length of a lossless code; the first alone is what codec/token_codec.hpp writes. Labels are given, not
// counted: coding them costs up to log2(classes) more.
//
// Shapes   images [images, height x width x channels], with labels where the prior has classes
// Errors   static_assert where the prior has other tokens than the VqVae; ArgumentError where there are no images, or
//          sigma is not in [1e-100, 1e100]; DataError for a label that the prior does not have; NumericError where an
//          output of the decoder is NaN
// Cost     encoding and decoding of the images, a forward pass of the prior

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/token.hpp>
#include <tessera/data/images.hpp>
#include <tessera/gpt/frozen_gpt.hpp>
#include <tessera/gpt/sequence_nats.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/vq/frozen_vq_vae.hpp>
#include <tessera/vq/pixel_bits.hpp>

#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::codec {

struct Likelihood {
    double sigma = 0;            ///< of the decoder's Gaussian, as it was given
    double token_bits = 0;       ///< -log2 p(t | label), mean over the images
    double pixel_bits = 0;       ///< -log2 P(x | decoder(t)), mean over the images
    std::size_t dimensions = 0;  ///< of an image

    [[nodiscard]] double bits_per_image() const { return token_bits + pixel_bits; }
    [[nodiscard]] double bits_per_dimension() const { return bits_per_image() / static_cast<double>(dimensions); }
};

/// Names the argument that is the root of a mean squared error.
struct LikelihoodOptions {
    double sigma = 0;  ///< in the unit of the decoder's output, whose range is 1: sqrt(vae.evaluate(train).mse)
};

template <nn::Layer Encoder, vq::Quantizer Q, nn::Layer Decoder, GptConfig C, nn::Layer Net>
[[nodiscard]] Likelihood likelihood(const FrozenVqVae<Encoder, Q, Decoder>& vae, const FrozenGpt<C, Net>& prior,
                                    const data::Images<typename Encoder::Input>& images,
                                    const LikelihoodOptions& options) {
    static_assert(C.context == Q::tokens && C.vocab == Q::codes,
                  "likelihood: the prior must have the tokens and the vocabulary of the VqVae");
    using Vae = FrozenVqVae<Encoder, Q, Decoder>;
    using T = typename Vae::T;
    using Input = typename Encoder::Input;
    if (images.size() == 0) throw ArgumentError("likelihood: images: expected at least one, got 0");
    if (!(options.sigma >= 1e-100 && options.sigma <= 1e100))  // as pixel_bits, before the images are encoded
        throw ArgumentError("likelihood: sigma: " +
                            expected_got("a number in [1e-100, 1e100]", number_text(options.sigma)));
    return with_fp_environment([&] {
        Likelihood total{.sigma = options.sigma, .dimensions = Input::size};
        typename Vae::Workspace ws;
        Tensor<T, Input> y;
        vae.encode_dataset(images, [&](std::size_t first, View<const T, Input> x,
                                       View<const Token, Shape<Q::tokens>> tokens) {
            const bool labelled = C.classes > 0 && images.labelled();
            for (const double nats : sequence_nats(
                     prior, tokens, labelled ? images.labels().subspan(first, x.batch()) : std::span<const Label>{}))
                total.token_bits += nats / std::numbers::ln2;
            y.resize(x.batch());
            vae.decode(tokens, y.view(), ws);
            std::vector<double> bits(x.batch());
            kernel::for_each_slot(x.batch(), kernel::concurrency(), [&](std::size_t n, std::size_t) {
                bits[n] = pixel_bits<T>(images.pixels(first + n), std::span<const T>{y[n]}, options.sigma);
            });
            for (const double b : bits) total.pixel_bits += b;
        });
        const double count = static_cast<double>(images.size());
        total.token_bits /= count;
        total.pixel_bits /= count;
        return total;
    });
}

}  // namespace tessera::codec
