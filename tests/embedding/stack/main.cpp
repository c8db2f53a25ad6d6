// Both stages of the README's program, small, in a thread with 128 KiB of stack (musl's default; other hosts have 256).
#include <tessera/tessera.hpp>

#include <pthread.h>
#include <tbb/task_arena.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

namespace ts = tessera;
using namespace tessera::nn;

struct Encoder : Chain<ts::Shape<28, 28, 1>, Conv2d<32, halve4>, Relu, Conv2d<64, halve4>, Relu,
                       Residual<Relu, Conv2d<32, keep3>, Relu, Conv2d<64, keep1>>, Conv2d<32, keep1>> {};

struct Decoder : Chain<Encoder::Output, Conv2d<64, keep3>, Relu, ConvTranspose2d<32, double4>, Relu,
                       ConvTranspose2d<1, double4>, Sigmoid> {};

using Vae = ts::VqVae<Encoder, ts::Codebook<256>, Decoder>;
using Prior =
    ts::Gpt<ts::GptConfig{.vocab = Vae::codes, .context = Vae::tokens, .width = 128, .heads = 4, .layers = 4}>;

[[gnu::noinline]] static void train() {
    ts::Rng rng{42};
    std::vector<std::uint8_t> pixels(32 * 784);
    for (auto& p : pixels) p = static_cast<std::uint8_t>(256 * rng.uniform());
    const ts::data::Images<Encoder::Input> digits{std::move(pixels), {}, 0};

    Vae vae{rng};
    ts::Trainer stage1{vae, ts::AdamW{vae, {.lr = 1e-3}}};
    for (auto&& batch : ts::batches(digits, 16, rng)) stage1.step(batch);

    const auto codes = vae.encode(digits);
    Prior prior{rng};
    ts::Trainer stage2{prior, ts::AdamW{prior, {.lr = 1e-3, .weight_decay = 0.1}}, {.clip_norm = 1}};
    for (auto&& batch : ts::batches(codes, 16, rng)) stage2.step(batch);

    const auto tokens = ts::sample(prior, 4, {.temperature = 0.9f, .top_k = 64}, rng);
    vae.decode(tokens);
    static_cast<void>(vae.evaluate(digits));
}

static void* run(void* done) {
    try {
        tbb::task_arena alone{1};  // no worker of oneTBB, whose stack is larger: all work is done in this thread
        alone.execute(train);
        *static_cast<bool*>(done) = true;
    } catch (const std::exception& error) {
        std::puts(error.what());
    }
    return nullptr;
}

int main() {
    bool done = false;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, 128 * 1024) ||
        pthread_create(&thread, &attributes, run, &done) || pthread_join(thread, nullptr))
        return 2;
    return done ? 0 : 1;
}
