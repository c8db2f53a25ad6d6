// 8. In your program: both stages from start to end, on the threads and with the flags of the host.
//
//     08_in_your_program [folder with digits] [--small]
//
// The library creates no threads, prints nothing and reads no environment variables. It runs in the oneTBB arena from
// which it is called: a server may give it two of its cores, a batch job all of them. The result has the same bits.

#include <tbb/task_arena.h>

#include <exception>
#include <string_view>
#include <vector>

// clang-format off
// [program]
#include <tessera/data/image.hpp>
#include <tessera/tessera.hpp>

#include <cstdio>

namespace ts = tessera;
using namespace tessera::nn;

struct Encoder : Chain<ts::Shape<28, 28, 1>,
    Conv2d<32, halve4>, Relu,                                          // 14 x 14 x 32
    Conv2d<64, halve4>, Relu,                                          //  7 x  7 x 64
    Residual<Relu, Conv2d<32, keep3>, Relu, Conv2d<64, keep1>>,
    Conv2d<32, keep1>> {};                                             //  7 x  7 x 32: one token per position

struct Decoder : Chain<Encoder::Output,
    Conv2d<64, keep3>, Relu,
    ConvTranspose2d<32, double4>, Relu,                                // 14 x 14 x 32
    ConvTranspose2d<1, double4>, Sigmoid> {};                          // 28 x 28 x 1

using Vae = ts::VqVae<Encoder, ts::Codebook<256>, Decoder>;
using Prior = ts::Gpt<ts::GptConfig{
    .vocab = Vae::codes, .context = Vae::tokens, .width = 128, .heads = 4, .layers = 4}>;

void learn(const ts::data::Images<Encoder::Input>& digits, int epochs) {
    ts::Rng rng{42};

    Vae vae{rng};
    ts::Trainer stage1{vae, ts::AdamW{vae, {.lr = 1e-3}}};
    for (int epoch = 0; epoch < epochs; ++epoch) {
        ts::VqVaeReport report;
        for (auto&& batch : ts::batches(digits, 64, rng)) report = stage1.step(batch);
        std::printf("%d  mse %.4f  perplexity %.1f\n", epoch, report.reconstruction, report.perplexity);
    }

    const auto sequences = vae.encode(digits);                        // 49 tokens per image
    Prior prior{rng};
    ts::Trainer stage2{prior, ts::AdamW{prior, {.lr = 1e-3, .weight_decay = 0.1}}, {.clip_norm = 1}};
    for (int epoch = 0; epoch < epochs; ++epoch) {
        ts::GptReport report;
        for (auto&& batch : ts::batches(sequences, 64, rng)) report = stage2.step(batch);
        std::printf("%d  %.3f nats per token\n", epoch, report.loss);
    }

    const auto tokens = ts::sample(prior, 16, {.temperature = 0.9f, .top_k = 64}, rng);
    ts::image::write_png_grid("digits.png", vae.decode(tokens), 4);
    ts::io::save("digits.safetensors", vae, prior);
}
// [/program]
// clang-format on

int main(int argc, char** argv) {
    const char* folder = "examples/data";
    bool small = false;
    for (int i = 1; i < argc; ++i)
        if (std::string_view{argv[i]} == "--small")
            small = true;
        else
            folder = argv[i];
    try {
        const auto digits = ts::data::load_mnist(folder);
        const std::size_t some = small ? 512 : digits.train.size();
        std::vector<std::size_t> chosen(some);
        for (std::size_t i = 0; i < some; ++i) chosen[i] = i * digits.train.size() / some;
        const auto images = digits.train.subset(chosen);

        const int epochs = small ? 1 : 8;
        // [arena]
        tbb::task_arena arena{2};  // the host's decision
        arena.execute([&] { learn(images, epochs); });
        // [/arena]
    } catch (const std::exception& error) {  // the library's own exceptions derive from tessera::Error
        std::fprintf(stderr, "08_in_your_program: %s\n", error.what());
        return 1;
    }
    return 0;
}
