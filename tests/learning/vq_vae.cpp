// A VqVae memorises 64 generated digits: seven segments, each image with another offset and brightness.
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <doctest/doctest.h>
#include <tessera/data/images.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/sigmoid.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/codebook.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

using Image = Shape<16, 16, 1>;
struct Encoder : Chain<Image, Conv2d<16, halve4>, Relu, Conv2d<32, halve4>, Relu,
                       Residual<Relu, Conv2d<32, keep3>, Relu, Conv2d<32, keep1>>, Conv2d<8, keep1>> {};
struct Decoder : Chain<Encoder::Output, Conv2d<32, keep3>, Relu, ConvTranspose2d<16, double4>, Relu,
                       ConvTranspose2d<1, double4>, Sigmoid> {};
using Vae = VqVae<Encoder, Codebook<64>, Decoder>;

data::Images<Image> digits() {
    // segments: top, upper left, upper right, middle, lower left, lower right, bottom
    constexpr unsigned lit[10] = {0b1110111, 0b0100100, 0b1011101, 0b1101101, 0b0101110,
                                  0b1101011, 0b1111011, 0b0100101, 0b1111111, 0b1101111};
    Rng rng{1};
    std::vector<std::uint8_t> bytes(64 * 256);
    for (std::size_t n = 0; n < 64; ++n) {
        const std::size_t top = 1 + rng.below(3), left = 2 + rng.below(4);
        const auto ink = static_cast<std::uint8_t>(160 + rng.below(96));
        const auto bar = [&](std::size_t y, std::size_t x, std::size_t height, std::size_t width) {
            for (std::size_t i = 0; i < height * width; ++i)
                bytes[n * 256 + (top + y + i / width) * 16 + left + x + i % width] = ink;
        };
        const unsigned on = lit[n % 10];
        if (on & 1) bar(0, 0, 2, 8);
        if (on & 2) bar(0, 0, 6, 2);
        if (on & 4) bar(0, 6, 6, 2);
        if (on & 8) bar(5, 0, 2, 8);
        if (on & 16) bar(5, 0, 6, 2);
        if (on & 32) bar(5, 6, 6, 2);
        if (on & 64) bar(10, 0, 2, 8);
    }
    return data::Images<Image>{std::move(bytes)};
}

}  // namespace

TEST_CASE("VqVae: memorises 64 digits, and its codebook stays in use") {
    const auto images = digits();
    Tensor<float, Image> x{64};
    for (std::size_t n = 0; n < 64; ++n) images.copy(n, x[n]);
    Rng rng{1};
    Vae vae{rng};
    const double before = vae.evaluate(images).mse;
    Trainer trainer{vae, AdamW{vae, {.lr = 2e-3}}};
    double least_perplexity = 1e9;
    for (int step = 0; step < 1000; ++step) {
        const VqVaeReport report = trainer.step(x);
        if (step > 300) least_perplexity = std::min(least_perplexity, report.perplexity);
    }
    const VqVaeEvaluation after = vae.evaluate(images);
    MESSAGE("mse ", before, " -> ", after.mse, ", perplexity ", after.perplexity, ", never below ", least_perplexity,
            ", usage ", after.usage);
    CHECK(after.mse < 0.002);
    CHECK(after.mse < before / 40);
    CHECK(least_perplexity > 40);
    CHECK(after.usage > 0.9);
}
