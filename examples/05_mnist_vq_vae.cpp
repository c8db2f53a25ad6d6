// 5. The first stage: a VQ-VAE learns a codebook of digits.
//
//     05_mnist_vq_vae [folder with digits] [--small]
//
// Writes vq_vae.safetensors, which example 6 reads, and reconstructions.png. The library takes single steps; the loop,
// the learning rate and the logging belong to the program.

#include "support/course_nets.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/data/image.hpp>  // reads and writes images; any number of files may include it
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

namespace ts = tessera;

int run(const course::Arguments& arguments) {
    // the four IDX files of MNIST, or the two contact sheets in examples/data
    const auto digits = ts::data::load_mnist(arguments.folder);
    const auto train =
        digits.train.subset(course::evenly(arguments.small ? 1000 : digits.train.size(), digits.train.size()));
    std::printf("%zu digits for training, %zu for testing\n", train.size(), digits.test.size());

    // The model owns its weights and its codebook, but not the workspace of a training step.
    ts::Rng rng{42};
    course::Vae vae{rng};
    std::printf("encoder and decoder have %zu weights; a codebook of %zu vectors of width %zu; %zu tokens per digit\n",
                ts::parameter_count(vae.params()), course::Vae::codes, course::Vae::Quantizer::width,
                course::Vae::tokens);

    // A trainer holds what a step needs besides the model: gradients, the moments of the optimiser, the workspace.
    ts::Trainer trainer{vae, ts::AdamW{vae, {.lr = 2e-3}}, {.clip_norm = 1}};
    const int epochs = arguments.small ? 4 : 8;
    const std::size_t batch_size = 64,
                      steps = static_cast<std::size_t>(epochs) * ((train.size() + batch_size - 1) / batch_size);
    const ts::WarmupCosine rate{.lr = 2e-3, .warmup = steps / 20, .steps = steps};

    for (int epoch = 0; epoch < epochs; ++epoch) {
        ts::VqVaeReport last;
        for (auto&& batch : ts::batches(train, batch_size, rng)) {
            trainer.optimizer().set_lr(rate(trainer.steps()));
            last = trainer.step(batch);
        }
        const auto test = vae.evaluate(digits.test);
        std::printf("epoch %d  train mse %.4f  test mse %.4f, %.2f dB  perplexity %.0f of %zu\n", epoch + 1,
                    last.reconstruction, test.mse, test.psnr_db, test.perplexity, course::Vae::codes);
    }

    // Ten test digits in the first row, their reconstructions from 49 tokens each in the second.
    const auto shown = digits.test.subset(course::evenly(10, digits.test.size()));
    ts::Tensor<float, course::Encoder::Input> both{20};
    for (std::size_t i = 0; i < 10; ++i) shown.copy(i, both[i]);
    const auto again = vae.reconstruct(std::as_const(both).view().slice(0, 10));
    std::ranges::copy(again.span(), both[10].begin());
    ts::image::write_png_grid("reconstructions.png", both, 10);
    ts::io::save("vq_vae.safetensors", vae);
    std::printf("wrote vq_vae.safetensors and reconstructions.png\n");

    // always predicting the mean image would give an error of 0.067
    return vae.evaluate(digits.test).mse < 0.0625 ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "05_mnist_vq_vae: %s\n", error.what());
        return 1;
    }
}
