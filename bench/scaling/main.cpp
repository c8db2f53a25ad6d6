// tessera_scaling: the pieces of the training steps of both presets, one JSON object a line; bench/scaling/model.py
// predicts from them.
//
//     tessera_scaling [seconds for each piece, 0.2]
//
// Also what is beside the steps: k-means (the first step), decoding a PNG file, and starting a parallel loop.

#include <bench/scaling/pieces.hpp>

#include <examples/support/default_nets.hpp>

#include <tessera/image/decode_png.hpp>
#include <tessera/image/encode_png.hpp>
#include <tessera/vq/kmeans.hpp>

#include <cstdlib>
#include <memory>

namespace {

void measure_others() {
    using namespace bench::scaling;
    Line line{"others"};
    const auto nothing = [](std::size_t, std::size_t) {};
    line.piece("loop", [&] { ts::kernel::for_each_slot(2, ts::kernel::concurrency(), nothing); });
    const auto x = bench::numbers(6272 * 32);
    const auto book = std::make_unique<ts::CodebookState<256, 32, float>>();
    line.piece("kmeans", [&] { ts::kmeans(*book, std::span<const float>{x}, ts::Rng{1}, 10); });
    ts::image::Pixels digit;
    digit.width = digit.height = 28;
    digit.channels = 1;
    digit.values.resize(28 * 28);
    for (std::size_t i = 0; i < digit.values.size(); ++i) digit.values[i] = static_cast<unsigned char>(i * i % 251);
    const auto file = ts::image::encode_png(digit);
    line.number("decode", timed(1, [&] { benchmark::DoNotOptimize(ts::image::decode_png(file, 1, "digit.png")); }));
}

}  // namespace

int main(int argc, char** argv) {
    using namespace bench::scaling;
    if (argc > 1) seconds_of_a_piece = std::strtod(argv[1], nullptr);
    measure_others();
    measure_vae<digits::Small::Vae>("train-vqvae/small", {4, 16, 32, 64, 128, 256});
    measure_vae<digits::Std::Vae>("train-vqvae/std", {4, 16, 64, 128});
    measure_gpt<digits::Small::Gpt2, 1, 2, 4>("train-gpt/small", {4, 16, 32, 64, 256});
    measure_gpt<digits::Std::Gpt2, 1, 2, 4, 8, 16>("train-gpt/std", {4, 16, 64});
}
