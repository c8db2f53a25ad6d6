#include <embedding/tiny_run.hpp>

#include <tessera/data/batches.hpp>
#include <tessera/loss/gaussian_nll.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/muon.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/fsq.hpp>

#include <span>
#include <utility>

using namespace embedding;

namespace {

template <class Trainer>
void add_state(support::HashLeaves& hash, const Trainer& trainer) {
    Trainer::each_state(hash, trainer);
}

// The same with a quantizer without parameters, a loss with a learned variance, and micro-batches of different sizes;
// and a prior like that of `digits`: LLaMA's block, positions by row and column, trained by Muon.
struct FineEncoder : nn::Chain<support::TinyImage, nn::Conv2d<12, nn::halve4>, nn::Relu, nn::Conv2d<3, nn::halve4>> {};
struct FineDecoder : nn::Chain<FineEncoder::Output, nn::ConvTranspose2d<6, nn::double4>, nn::Relu,
                               nn::ConvTranspose2d<1, nn::double4>, nn::Sigmoid> {};
using FineVae = VqVae<FineEncoder, Fsq<5, 4, 3>, FineDecoder, GaussianNll>;
constexpr GptConfig fine_config{.vocab = FineVae::codes,
                                .context = FineVae::tokens,
                                .width = 16,
                                .heads = 2,
                                .layers = 1,
                                .norm = GptNorm::rms_norm,
                                .mlp = GptMlp::swiglu,
                                .positions = GptPositions::rotary_grid,
                                .columns = 2,
                                .bias = false};

void fine_run(const Pictures& pictures, std::uint64_t seed, support::HashLeaves& hash) {
    Rng rng{seed};
    FineVae vae{rng};
    Trainer first{vae, AdamW{vae, {.lr = 3e-3}}, {.accumulate = 2}};
    for (auto&& batch : batches(pictures, batch_size, {.rng = Rng{seed}})) first.step(batch);
    add_state(hash, std::as_const(first));
    const auto tokens = vae.encode(pictures);
    Gpt<fine_config> prior{rng};
    Trainer second{prior, Muon{prior, {.lr = 8e-3, .adamw_scale = 0.25}}, {.clip_norm = 1}};
    for (auto&& batch : batches(tokens, batch_size, {.rng = Rng{seed}})) second.step(batch);
    add_state(hash, std::as_const(second));
}

}  // namespace

Outcome embedding::tiny_run(const Trained& trained, std::uint64_t seed) {
    Outcome outcome;
    support::HashLeaves hash;
    Rng rng{seed};
    const Pictures pictures{support::bars(images, seed)};

    Vae vae{rng, {.revive = {.below = 0.5, .grace = 3}}};
    Trainer first{vae, AdamW{vae, {.lr = 3e-3}}, {.clip_norm = 1, .seed = seed}};
    for (std::size_t epoch = 0; epoch < epochs; ++epoch)
        for (auto&& batch : batches(pictures, batch_size, {.rng = Rng{seed}.split(epoch)})) {
            const auto before = vae.buffers().book.grace;
            outcome.losses.push_back(first.step(batch).loss);
            for (std::size_t k = 0; k < Vae::codes; ++k) outcome.revived += vae.buffers().book.grace[k] > before[k];
        }
    add_state(hash, std::as_const(first));

    const auto tokens = vae.encode(pictures);
    Prior prior{rng};
    Trainer second{prior, AdamW{prior, {.lr = 3e-3}}, {.clip_norm = 1, .seed = seed}};
    for (std::size_t epoch = 0; epoch < epochs; ++epoch)
        for (auto&& batch : batches(tokens, batch_size, {.rng = Rng{seed}.split(epoch)})) {
            outcome.losses.push_back(second.step(batch).loss);
        }
    add_state(hash, std::as_const(second));

    if (trained) trained(vae, prior);
    fine_run(pictures, seed, hash);
    outcome.hash = support::hash_bits(std::span<const double>{outcome.losses}, hash.hash);
    return outcome;
}

struct TinyTrainer::Parts {
    Rng rng{usual_seed};
    Vae vae{rng};
    Trainer<Vae, AdamW<Vae::Params>> trainer{vae, AdamW{vae}};
    Tensor<float, support::TinyImage> x = support::batch_of<float>(support::bars(batch_size, usual_seed));
};
TinyTrainer::TinyTrainer() : parts_{std::make_unique<Parts>()} {}
TinyTrainer::~TinyTrainer() = default;
void TinyTrainer::step() { parts_->trainer.step(parts_->x); }
std::uint64_t TinyTrainer::steps() const { return parts_->trainer.steps(); }
std::uint64_t TinyTrainer::hash() const {
    support::HashLeaves hash;
    add_state(hash, std::as_const(parts_->trainer));
    return hash.hash;
}
