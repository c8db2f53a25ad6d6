// 10. Quantizers: the same nets with one after the other.
//
//     10_quantizers [folder with digits] [--small]
//
// The quantizer is one argument of a VqVae; trainer, evaluation, files and prior stay as they are. Only the width of
// the encoder's output depends on it: a codebook takes vectors of any width, FSQ one number for each of its levels.
//
// The columns: PSNR says how well 49 tokens describe a digit. The perplexity is the number of tokens that would have
// the same entropy if all were equally frequent; the larger it is, the more 49 tokens can say, and the more a prior has
// to learn. Usage is the share of the vocabulary that occurs at all. bench/study trains larger nets for longer.

#include "support/course_nets.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>

#include <chrono>
#include <cstdio>
#include <exception>

namespace ts = tessera;
using namespace tessera::nn;

using Digits = ts::data::Images<ts::Shape<28, 28, 1>>;

struct Task {
    Digits train, test;
    int epochs;
};

// clang-format off
template <std::size_t Width>
struct Encoder : Chain<ts::Shape<28, 28, 1>,
    Conv2d<16, halve4>, Relu,              // 14 x 14
    Conv2d<32, halve4>, Relu,              //  7 x  7
    Conv2d<Width, keep1>> {};
template <std::size_t Width>
struct Decoder : Chain<ts::Shape<7, 7, Width>,
    Conv2d<32, keep3>, Relu,
    ConvTranspose2d<16, double4>, Relu,    // 14 x 14
    ConvTranspose2d<1, double4>> {};       // 28 x 28
// clang-format on

// Trains the nets with this quantizer, prints a row, and returns whether they have learned.
template <std::size_t Width, class Quantizer>
bool compare(const char* name, const Task& task) {
    using Vae = ts::VqVae<Encoder<Width>, Quantizer, Decoder<Width>>;
    const auto start = std::chrono::steady_clock::now();
    ts::Rng rng{42};  // the same initialisation and the same order of images for all
    Vae vae{rng};
    ts::Trainer trainer{vae, ts::AdamW{vae, {.lr = 2e-3}}, {.clip_norm = 1}};
    const std::size_t steps = static_cast<std::size_t>(task.epochs) * ((task.train.size() + 63) / 64);
    const ts::WarmupCosine rate{.lr = 2e-3, .warmup = steps / 20, .steps = steps};
    for (int epoch = 0; epoch < task.epochs; ++epoch)
        for (auto&& batch : ts::batches(task.train, 64, rng)) {
            trainer.optimizer().set_lr(rate(trainer.steps()));
            trainer.step(batch);
        }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    const auto test = vae.evaluate(task.test);
    std::printf("%-34s %6zu %8.2f dB %9.1f %7.1f %% %8.1f s\n", name, Vae::codes, test.psnr_db, test.perplexity,
                100 * test.usage, seconds);
    return test.mse < 0.0625;  // always predicting the mean image would give an error of 0.067
}

int run(const course::Arguments& arguments) {
    auto digits = ts::data::load_mnist(arguments.folder);
    const std::size_t count = arguments.small ? 3000 : digits.train.size();
    const Task task{digits.train.subset(course::evenly(count, digits.train.size())), std::move(digits.test),
                    arguments.small ? 4 : 6};

    std::printf("%-34s %6s %11s %9s %9s %10s\n", "quantizer", "vocab", "test PSNR", "perplex.", "usage", "time");
    bool learned = true;
    // [table]
    using ts::FsqBound;
    learned &= compare<16, ts::Codebook<256>>("Codebook<256>, width 16", task);
    learned &= compare<4, ts::Codebook<256>>("Codebook<256>, width 4", task);
    learned &= compare<4, ts::Fsq<8, 5, 5, 5>>("Fsq<8, 5, 5, 5>", task);
    learned &= compare<4, ts::FsqWith<FsqBound::symmetric, 4, 4, 4, 4>>("FsqWith<symmetric, 4, 4, 4, 4>", task);
    // [/table]
    return learned ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "10_quantizers: %s\n", error.what());
        return 1;
    }
}
