// 4. A codebook: vector quantization by itself.
//
// The quantizer of a VQ-VAE without encoder and decoder. Points in the plane are drawn from eight clusters. A codebook
// of eight vectors finds the clusters and follows them while they rotate, as it follows the encoder's output during
// training. There are three steps, each a separate function:
//
//     kmeans        initialises the vectors from some points
//     quantize      replaces each point by its nearest codebook vector, and gives the vector's index (the token)
//     ema_update    moves each vector a little towards the mean of the points assigned to it

#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/vq/codebook_state.hpp>
#include <tessera/vq/codebook_statistics.hpp>
#include <tessera/vq/ema.hpp>
#include <tessera/vq/kmeans.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/vq_vae_report.hpp>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <span>
#include <vector>

namespace ts = tessera;

// Points from eight clusters on a circle.
void draw_points(std::span<float> points, double turned, ts::Rng& rng) {
    for (std::size_t i = 0; i < points.size(); i += 2) {
        const double angle = turned + rng.below(8) * std::numbers::pi / 4;
        points[i] = static_cast<float>(std::cos(angle)) + rng.normal(0, 0.1f);
        points[i + 1] = static_cast<float>(std::sin(angle)) + rng.normal(0, 0.1f);
    }
}

int main() {
    constexpr std::size_t count = 512;
    ts::Rng rng{7};
    ts::CodebookState<8, 2, float> book;  // in a VqVae the width follows from the encoder; here it is 2
    book.init(rng);

    std::vector<float> points(2 * count), nearest(2 * count);
    std::vector<ts::Token> tokens(count);
    draw_points(points, 0, rng);
    ts::kmeans(book, std::span<const float>{points}, rng.fork());

    double error = 0, perplexity = 0;
    ts::PackedCodes<float> packed;
    for (int step = 0; step <= 100; ++step) {
        draw_points(points, 0.01 * step, rng);
        packed.pack(book);  // the vectors in the memory layout of the search
        ts::quantize<float>(packed, points, tokens, nearest);

        error = 0;
        for (std::size_t i = 0; i < points.size(); ++i) error += std::pow(double(points[i] - nearest[i]), 2) / count;
        std::vector<std::size_t> counts(8);
        for (const ts::Token token : tokens) ++counts[token];
        perplexity = ts::perplexity(counts);  // 8 when all vectors are chosen equally often
        if (step % 25 == 0)
            std::printf("step %3d  squared distance %.4f  perplexity %.2f of 8\n", step, error, perplexity);

        ts::CodebookStatistics<8, 2, float> batch;  // how many points were assigned to each vector, and their sum
        batch.add(points, tokens);
        ts::ema_update(book, batch, {.decay = 0.9});
    }
    std::printf("the codebook:");
    for (std::size_t k = 0; k < 8; ++k)
        std::printf("  (%.2f, %.2f)", double(book.weight[2 * k]), double(book.weight[2 * k + 1]));
    std::printf("\n");
    // the variance within the clusters is 0.02: the error of a codebook that follows them without lag
    return error < 0.04 && perplexity > 7 ? 0 : 1;
}
