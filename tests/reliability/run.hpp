#pragma once
// The training run whose bits the scorecard compares: both stages on 8 x 8 images, 40 steps in a fifth of a second,
// with a smaller last batch, k-means, revival, dropout, clipping, averaged weights and two schedules.

#include <support/sha256.hpp>

#include <tessera/data/batches.hpp>
#include <tessera/data/images.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/optim/weight_ema.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace reliability {

namespace ts = tessera;
namespace nn = tessera::nn;

struct Encoder : nn::Chain<ts::Shape<8, 8, 1>, nn::Conv2d<12, nn::halve4>, nn::Relu, nn::Conv2d<16, nn::keep3>,
                           nn::Residual<nn::Relu, nn::Conv2d<16, nn::keep1>>, nn::Conv2d<8, nn::keep1>> {};
struct Decoder
    : nn::Chain<ts::Shape<4, 4, 8>, nn::Conv2d<16, nn::keep3>, nn::Relu, nn::ConvTranspose2d<1, nn::double4>> {};
using Vae = ts::VqVae<Encoder, ts::Codebook<16>, Decoder>;
inline constexpr ts::GptConfig prior_config{.vocab = Vae::codes,
                                            .context = Vae::tokens,
                                            .width = 16,
                                            .heads = 2,
                                            .layers = 1,
                                            .classes = 2,
                                            .dropout_percent = 10};
using Prior = ts::Gpt<prior_config>;

/// Bars, one byte a pixel, labelled by direction.
inline ts::data::Images<ts::Shape<8, 8, 1>> bars(std::size_t count) {
    ts::Rng rng{7};
    std::vector<std::uint8_t> bytes(count * 64);
    std::vector<ts::Label> labels(count);
    for (std::size_t n = 0; n < count; ++n) {
        labels[n] = ts::Label{rng.below(2)};
        const std::size_t at = rng.below(7);
        for (std::size_t i = 0; i < 64; ++i) {
            const std::size_t across = labels[n].index == 1 ? i / 8 : i % 8;
            bytes[n * 64 + i] = static_cast<std::uint8_t>((across - at < 2 ? 200 : 20) + rng.below(40));
        }
    }
    return ts::data::Images<ts::Shape<8, 8, 1>>{std::move(bytes), std::move(labels), 2};
}

/// The loss of each step: part of the state, so that it is compared and resumed like the weights.
struct Log {
    static constexpr std::size_t steps = 40;
    ts::Param<double, ts::Shape<steps>> loss;
    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("log.loss", m.loss...);
    }
};
/// The averaged weights of the first stage.
struct Average {
    ts::WeightEma<Vae::Params> ema{};
    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        ts::WeightEma<Vae::Params>::State::each(f, m.ema.state()...);
    }
};

/// Steps 1 to 20 train the VQ-VAE, 21 to 40 the prior: two epochs each, over 450 images in batches of 48. A step has
/// three groups of samples (nn::group_size), so that several threads have work, and the last step of an epoch has two.
class TinyRun {
public:
    static constexpr std::size_t images = 450, batch = 48, per_pass = 10, stage = 20, steps = 2 * stage;
    static_assert(steps == Log::steps);

    std::uint64_t step() const { return trainer_.steps() + prior_trainer_.steps(); }

    /// after(step) is called after each one.
    template <class F>
    void run(std::uint64_t to, F after) {
        const auto data = bars(images);
        while (step() < to && trainer_.steps() < stage)
            pass(data, trainer_, ts::WarmupCosine{.lr = 5e-3, .warmup = 3, .steps = stage}, to, [&] {
                average_.ema.update(vae_.params());
                after(step());
            });
        if (step() >= to) return;
        const auto codes = vae_.encode(data);
        while (step() < to)
            pass(codes, prior_trainer_, ts::Wsd{.lr = 5e-3, .warmup = 2, .stable = 8, .decay = 10}, to,
                 [&] { after(step()); });
    }

    ts::io::SafetensorsWriter collect() const { return ts::io::collect(trainer_, prior_half(), average_, log_); }
    void load(ts::io::SafetensorsFile& file) {
        Prior2 half = prior_half();
        ts::io::load(file, trainer_, half, average_, log_);
    }
    std::string sha256() const {
        const ts::Bytes bytes = collect().bytes();
        return support::Sha256{}.add(std::as_bytes(std::span{bytes})).hex();
    }
    const Log& log() const { return log_; }
    const Vae& vae() const { return vae_; }
    const Prior& prior() const { return prior_; }

private:
    using VaeTrainer = ts::Trainer<Vae, ts::AdamW<Vae::Params>>;
    using PriorTrainer = ts::Trainer<Prior, ts::AdamW<Prior::Params>>;

    /// Two trainers in one file: the names of the second begin with "second".
    struct Prior2 {
        PriorTrainer* trainer;
        template <class F, class... M>
        static void each_state(F&& f, M&... m) {
            auto second = ts::with_prefix("second", f);
            PriorTrainer::each_state(second, *m.trainer...);
        }
    };
    Prior2 prior_half() const { return {const_cast<PriorTrainer*>(&prior_trainer_)}; }

    template <class Data, class Trainer, class Rate, class F>
    void pass(const Data& data, Trainer& trainer, const Rate& rate, std::uint64_t to, F after) {
        const std::size_t done = trainer.steps();
        for (auto&& b :
             ts::batches(data, batch, {.rng = ts::Rng{11}.split(done / per_pass), .first = done % per_pass})) {
            trainer.optimizer().set_lr(rate(trainer.steps()));
            log_.loss[step()] = trainer.step(b).loss;
            after();
            if (step() >= to) return;
        }
    }

    ts::Rng start_{5};
    Vae vae_{start_, {.revive = {.below = 0.5, .grace = 3}}};
    Prior prior_{start_};
    VaeTrainer trainer_{vae_, ts::AdamW{vae_}, {.clip_norm = 1, .seed = 3}};
    PriorTrainer prior_trainer_{prior_, ts::AdamW{prior_}, {.clip_norm = 1, .seed = 4}};
    Average average_;
    Log log_;
};

}  // namespace reliability
