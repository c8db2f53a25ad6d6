// 6. The second stage: a GPT learns the distribution of the tokens.
//
//     06_mnist_prior [folder with digits] [--small]
//
// Reads vq_vae.safetensors of example 5 and writes prior.safetensors. To the prior a digit is a sequence of 49 tokens.
// The label is prepended as a token, so that samples can be conditioned on the class.

#include "support/course_nets.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/data/image.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/train/trainer.hpp>

#include <cmath>
#include <cstdio>
#include <exception>
#include <numbers>

namespace ts = tessera;

int run(const course::Arguments& arguments) {
    const auto digits = ts::data::load_mnist(arguments.folder);
    const auto images =
        digits.train.subset(course::evenly(arguments.small ? 1000 : digits.train.size(), digits.train.size()));

    // Weights are loaded into a model of the same type; a file that does not match is an error that names the tensor.
    ts::Rng rng{42};
    course::Vae vae{rng};
    ts::io::load("vq_vae.safetensors", vae);

    // Encodes a dataset of images as a dataset of tokens; the labels are kept.
    const auto train = vae.encode(images), test = vae.encode(digits.test);
    std::printf("the first digit, a %u, as 7 x 7 tokens:\n", train.label(0).index);
    for (std::size_t i = 0; i < course::Vae::tokens; ++i) std::printf("%4u%s", train[0][i], i % 7 == 6 ? "\n" : "");

    course::Prior prior{rng};
    ts::Trainer trainer{prior, ts::AdamW{prior, {.lr = 2e-3, .weight_decay = 0.05}}, {.clip_norm = 1}};
    const int epochs = arguments.small ? 3 : 8;
    const std::size_t batch_size = 32,
                      steps = static_cast<std::size_t>(epochs) * ((train.size() + batch_size - 1) / batch_size);
    const ts::WarmupCosine rate{.lr = 2e-3, .warmup = steps / 20, .steps = steps};

    // The loss is the cross-entropy in nats per token. A uniform distribution over 64 tokens has ln 64 = 4.16.
    const double uniform = std::log(static_cast<double>(course::Vae::codes));
    double nats = uniform;
    for (int epoch = 0; epoch < epochs; ++epoch) {
        for (auto&& batch : ts::batches(train, batch_size, rng)) {
            trainer.optimizer().set_lr(rate(trainer.steps()));
            trainer.step(batch);
        }
        nats = prior.evaluate(test);
        std::printf("epoch %d  test %.3f nats per token (uniform: %.3f), %.1f bits per digit\n", epoch + 1, nats,
                    uniform, nats * static_cast<double>(course::Vae::tokens) / std::numbers::ln2);
    }
    ts::io::save("prior.safetensors", prior);
    std::printf("wrote prior.safetensors\n");
    return nats < 0.9 * uniform ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "06_mnist_prior: %s\n", error.what());
        return 1;
    }
}
