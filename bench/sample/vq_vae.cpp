// encode/std      images per second, batch 128: encoder and lookup, weights packed beforehand
// encode-1/std    one image, microseconds
// decode/std      images per second, batch 128
//
// Peers: PyTorch without gradients, eager, channels_last and compiled.

#include <bench/rows.hpp>
#include <bench/support/data.hpp>
#include <bench/support/flops.hpp>

#include <examples/support/default_nets.hpp>

#include <cstddef>
#include <string>

namespace bench {
namespace {

namespace ts = tessera;
using Vae = digits::Std::Vae;
using Flops = VqVaeFlops<128, 64, 512, 28>;
constexpr std::size_t batch = 128;

struct Bed {
    explicit Bed(std::size_t count)
        : images(count), x{pixels(count * Vae::Input::size)}, codes{tokens(count * Vae::tokens, Vae::codes)} {
        ts::Rng rng{1};
        frozen = Vae{rng}.freeze();
    }
    void encode() { frozen.encode({x.data(), images}, {codes.data(), images}, workspace); }
    void decode() { frozen.decode({codes.data(), images}, {x.data(), images}, workspace); }

    std::size_t images;
    ts::Buffer<float> x;
    std::vector<ts::Token> codes;
    Vae::Frozen frozen;
    Vae::Frozen::Workspace workspace;
};

}  // namespace

void add_vq_vae_codes(Rows& rows) {
    const Figure images = per_second("images", batch);
    const double encoding = Flops::encoder + Flops::lookup;
    rows.add({.name = "encode/std", .figure = images, .flops = batch * encoding, .parallel = true}, [](Meter& meter) {
        Bed bed{batch};
        meter.time([&] { bed.encode(); });
    });
    rows.add({.name = "encode-1/std", .figure = microseconds(), .flops = encoding, .parallel = true}, [](Meter& meter) {
        Bed bed{1};
        meter.time([&] { bed.encode(); });
    });
    rows.add({.name = "decode/std", .figure = images, .flops = batch * Flops::decoder, .parallel = true},
             [](Meter& meter) {
                 Bed bed{batch};
                 meter.time([&] { bed.decode(); });
             });
}

}  // namespace bench
