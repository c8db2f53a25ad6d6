// 5. The first stage: a VQ-VAE learns a codebook of digits.
//
//     05_mnist_vq_vae [folder with digits] [--small]
//
// Writes vq_vae.safetensors, which lesson 6 reads, and reconstructions.png. The library takes steps; loop,
// learning rate and what is printed are yours.

#include "support/course_nets.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/data/image.hpp>  // reads pictures: include it in one .cpp of a program
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>

namespace ts = tessera;

int run(const course::Arguments& arguments) {
    // four IDX files, or the two contact sheets that come with the examples
    const auto digits = ts::data::load_mnist(arguments.folder);
    const auto train =
        digits.train.subset(course::evenly(arguments.small ? 1000 : digits.train.size(), digits.train.size()));
    std::printf("%zu digits to learn from, %zu to test with\n", train.size(), digits.test.size());

    // The VAE owns its weights and its codebook, and no scratch of a step.
    ts::Rng rng{42};
    course::Vae vae{rng};
    std::printf("encoder and decoder have %zu weights; %zu codes of %zu numbers; %zu codes for a digit\n",
                ts::parameter_count(vae.params()), course::Vae::codes, course::Vae::Quantizer::width,
                course::Vae::tokens);

    // A trainer holds what a step needs beside the model: gradients, the optimiser's moments, scratch.
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

    // Ten digits above what is left of them after 49 codes each.
    const auto shown = digits.test.subset(course::evenly(10, digits.test.size()));
    ts::Tensor<float, course::Encoder::Input> both{20};
    for (std::size_t i = 0; i < 10; ++i) shown.copy(i, both[i]);
    const auto again = vae.reconstruct(std::as_const(both).view().slice(0, 10));
    std::ranges::copy(again.span(), both[10].begin());
    ts::image::write_png_grid("reconstructions.png", both, 10);
    ts::io::save("vq_vae.safetensors", vae);
    std::printf("wrote vq_vae.safetensors and reconstructions.png\n");

    // guessing the mean image would leave an error of 0.067
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
