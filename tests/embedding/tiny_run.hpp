#pragma once
// A run of both stages that takes a twentieth of a second and uses the code of a long one: two epochs with a smaller
// last batch, k-means initialisation, revival of codebook vectors, dropout, label dropout, clipping. Its hash covers
// weights, codebook, moments and counters of the optimisers, and every loss. A second, shorter run has other parts:
// quantizer, loss, block of the prior, and Muon.

#include <support/bits.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/group_norm.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace embedding {

using namespace tessera;

struct Encoder
    : nn::Chain<support::TinyImage, nn::Conv2d<12, nn::halve4>, nn::GroupNorm<4>, nn::Relu, nn::Conv2d<8, nn::halve4>> {
};
struct Decoder : nn::Chain<Encoder::Output, nn::ConvTranspose2d<6, nn::double4>, nn::Relu,
                           nn::ConvTranspose2d<1, nn::double4>, nn::Sigmoid> {};
using Vae = VqVae<Encoder, Codebook<16>, Decoder>;
inline constexpr GptConfig prior_config{.vocab = Vae::codes,
                                        .context = Vae::tokens,
                                        .width = 16,
                                        .heads = 2,
                                        .layers = 1,
                                        .classes = 2,
                                        .dropout_percent = 10};
using Prior = Gpt<prior_config>;

// 20 batches an epoch, each of four groups of samples, the last batch of two.
inline constexpr std::size_t images = 1086, batch_size = 56, epochs = 2;
inline constexpr std::uint64_t usual_seed = 7;

/// Grey values that are multiples of 1/256: the same numbers in any rounding mode.
struct Pictures : data::Images<support::TinyImage> {
    explicit Pictures(const data::Images<support::TinyImage>& from) : data::Images<support::TinyImage>{from} {}
    void copy(std::size_t i, std::span<float, support::TinyImage::size> to) const {
        for (std::size_t k = 0; k < to.size(); ++k) to[k] = static_cast<float>(pixels(i)[k]) / 256.f;
    }
};

/// The result of a run: its last losses, its revivals, and the hash of its state.
struct Outcome {
    std::vector<double> losses;
    std::size_t revived = 0;
    std::uint64_t hash = 0;
};

/// trained(vae, prior), if there is one, sees the models at the end.
using Trained = std::function<void(const Vae&, const Prior&)>;
Outcome tiny_run(const Trained& trained = {}, std::uint64_t seed = usual_seed);

/// The first stage, step by step, on one batch. Compiled once, like tiny_run, so that a test need not include a
/// trainer.
class TinyTrainer {
public:
    TinyTrainer();
    ~TinyTrainer();
    void step();
    std::uint64_t steps() const;
    std::uint64_t hash() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace embedding
