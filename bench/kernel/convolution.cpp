// conv-forward/<layer>/<images>     y = conv(x) + bias
// conv-backward/<layer>/<images>    dx (not for the first layers, whose input is the image)
// conv-wgrad/<layer>/<images>       dW += , db +=
//
// <layer> is <preset>-<kind><window>-<height>x<width>x<channels>-<channels out>: every convolution of both presets'
// nets, with 4 images (a block of training, in L2) and with 128 (a batch, beyond it). Weights are packed beforehand, as
// once per step in training. Products with the zeros around a map count as work, because the peers compute them;
// convolve skips most of them (for 3 x 3 on 7 x 7 pixels it computes 84 %), so 100 % of the peak is not the limit.
// Peers: PyTorch (oneDNN), contiguous and channels_last; Eigen with im2col for the forward pass of convolutions that
// are not transposed.
//
// What bounds the layers of one channel (4 x 4 taps, stride 2, 28 x 28 pixels, 32 / 64 channels on the other side, 4
// images, one core of Zen 4 with AVX-512; share of the peak, and before lines were copied and sums kept in registers):
//     forward                   58 / 69 %, was 43 / 57    16 products for each output do not hide that patches are
//                                                         copied (21 / 13 % of the time) and outputs stored
//     weight gradient           62 / 66 %, was 43 / 54    copying patches, 23 / 12 %; tiles of 8 rows, not 14
//     transposed: forward       56 / 71 %, was 28 / 43    a product of 16 columns, one vector, is at 80 / 87 %; col2im
//                                                         takes 28 / 18 % of the time
//     transposed: dx            55 / 65 %, was 42 / 55    as forward, and the mask of a ReLU
//     transposed: weight        56 / 71 %, was 39 / 56    as above; and the gradient of one bias, a chain of additions
//       gradient                                          of 3 cycles, of which a third runs while patches are copied
//
// Tried and rejected (share of the FMA peak of one core, AVX-512):
//     im2col, then the same tile            80 to 92 % instead of 96 to 98; 75 % with 32 output channels
//     padded input instead of zero rows     0 to 1 point gained, not worth the layouts
//     panels outside, pixels inside         0 to 4 points lost, 10 to 14 at k = 32: pointers made once per panel
//     prefetching the outputs of a tile     2 points gained when they are cold, 2 lost when they are not
//     the zeros around a map multiplied     65 to 75 instead of 80 to 96 % (7 x 7 and 14 x 14 pixels)
//     weight gradient from im2col           44 to 60 %: 3.6 MB instead of pointers
//     dy packed for the weight gradient     no difference in a whole step, 14 points lost at 32 channels
// The same on Zen 4 (layers of one channel, 4 images, 32 channels):
//     patches copied tap by tap, a branch each          5.3 us instead of 2.5; line by line through a table 4.2
//     col2im patch by patch, in memory                  15.8 us instead of 3.5; one output at a time in a register 5.6
//     patches of one tile at a time in forward          1.08 times as long: divisions for each tile's first pixel
// The same on Zen 3 (AVX2):
//     taps in groups of 256 numbers, so that their panels stay in L1    3 points lost: sums are stored and reloaded
//     weight gradients of 64 columns from copied tiles                  72 to 77 instead of 86 to 90 % in place
//     rows of an image by several threads, forked in every layer        no gain for one image: the other is late;
//                                                                       a team that stays together gains 1.7x

#include <bench/rows.hpp>
#include <bench/support/data.hpp>

#include <tessera/kernel/conv/im2col.hpp>
#include <tessera/kernel/eigen.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace bench {
namespace {

using namespace tessera::nn;
namespace kernel = tessera::kernel;
using tessera::Shape;
using tessera::View;

/// A layer with its weights and random input.
template <class L>
struct Bed {
    explicit Bed(std::size_t images) : x{numbers(images * L::Input::size)}, y(images * L::Output::size) {
        dy = numbers(y.size(), 2);
        dx.resize(x.size());
        tessera::Rng rng{1};
        L::init(params, rng);
        L::pack(params, packed);
    }
    std::size_t images() const { return x.size() / L::Input::size; }
    View<const float, typename L::Input> in() const { return {x.data(), images()}; }
    View<const float, typename L::Output> slope() const { return {dy.data(), images()}; }
    View<float, typename L::Output> out() { return {y.data(), images()}; }

    tessera::Buffer<float> x, y, dy, dx;
    typename L::Params params, grad;
    typename L::Packed packed;
    typename L::Cache cache;
};

template <class L>
void forward(Meter& meter, std::size_t images) {
    Bed<L> bed{images};
    meter.time([&] { L::forward(bed.packed, bed.in(), bed.out(), bed.cache); });
}
template <class L>
void weight_gradient(Meter& meter, std::size_t images) {
    Bed<L> bed{images};
    meter.time([&] { L::backward_params(bed.packed, bed.in(), bed.out(), bed.slope(), bed.cache, bed.grad); });
}
// The part of the layer's backward pass that computes dx.
template <class L, bool Transposed>
void input_gradient(Meter& meter, std::size_t images) {
    Bed<L> bed{images};
    constexpr std::size_t in_pixels = tessera::row_count<typename L::Input>;
    constexpr std::size_t out = tessera::last_dim<typename L::Output>;
    meter.time([&] {
        if constexpr (Transposed)
            kernel::convolve<float>(bed.packed.gather, images, bed.dy.data(), L::out_pixels, out,
                                    bed.packed.gather_weights, bed.dx.data(), in_pixels);
        else
            for (std::size_t c = 0; c < bed.packed.scatter.size(); ++c)
                kernel::convolve<float>(bed.packed.scatter[c], images, bed.dy.data(), L::out_pixels, out,
                                        bed.packed.scatter_weights[c], bed.dx.data(), in_pixels);
    });
}
template <class L>
void eigen_forward(Meter& meter, std::size_t images) {
    Bed<L> bed{images};
    constexpr std::size_t in_pixels = tessera::row_count<typename L::Input>, block = 98;
    constexpr std::size_t channels = tessera::last_dim<typename L::Input>, out = tessera::last_dim<typename L::Output>;
    const std::size_t k = bed.packed.gather.taps * channels, rows = images * L::out_pixels;
    tessera::Buffer<float> patches(block * k);
    const auto weight = kernel::eigen_map(bed.params.weight.data(), k, out, out);
    meter.time([&] {
        for (std::size_t first = 0; first < rows; first += block) {
            const std::size_t count = std::min(block, rows - first);
            kernel::im2col(bed.packed.gather, bed.x.data(), in_pixels, channels, first, count, patches.data());
            auto y = kernel::eigen_map(bed.y.data() + first * out, count, out, out);
            y.noalias() = kernel::eigen_map(patches.data(), count, k, k) * weight;
            if constexpr (L::has_bias) y.rowwise() += kernel::eigen_map(bed.params.bias.data(), 1, out, out).row(0);
        }
    });
}

template <class Spec, class In, bool Transposed>
void add_layer(Rows& rows, const char* preset, std::size_t window, bool halves) {
    using L = typename Spec::template Bind<In, float>;
    using Out = typename L::Output;
    constexpr std::size_t channels = tessera::last_dim<In>, out = tessera::last_dim<Out>;
    constexpr std::size_t small_pixels = std::min(tessera::row_count<In>, tessera::row_count<Out>);
    const std::string name = std::string{preset} + (Transposed ? "-convt" : "-conv") + std::to_string(window) +
                             (halves ? "s2" : "") + '-' + std::to_string(image_height<In>) + 'x' +
                             std::to_string(image_width<In>) + 'x' + std::to_string(channels) + '-' +
                             std::to_string(out);
    for (const std::size_t images : {std::size_t{4}, std::size_t{128}}) {
        const double flops = 2.0 * static_cast<double>(images * small_pixels * window * window * channels * out);
        const auto row = [&](const char* pass) {
            return Row{.name = pass + name + '/' + std::to_string(images), .figure = gflops(flops), .flops = flops};
        };
        rows.add(row("conv-forward/"), [images](Meter& meter) { forward<L>(meter, images); });
        if constexpr (!Transposed)
            rows.add(row("eigen/conv-forward/"), [images](Meter& meter) { eigen_forward<L>(meter, images); });
        if constexpr (channels > 1)
            rows.add(row("conv-backward/"), [images](Meter& meter) { input_gradient<L, Transposed>(meter, images); });
        rows.add(row("conv-wgrad/"), [images](Meter& meter) { weight_gradient<L>(meter, images); });
    }
}

/// All convolutions of examples/support/nets.hpp, each once.
template <std::size_t H, std::size_t D>
void add_net(Rows& rows, const char* preset) {
    add_layer<Conv2d<H / 2, halve4>, Shape<28, 28, 1>, false>(rows, preset, 4, true);
    add_layer<Conv2d<H, halve4>, Shape<14, 14, H / 2>, false>(rows, preset, 4, true);
    add_layer<Conv2d<H, keep3>, Shape<7, 7, H>, false>(rows, preset, 3, false);
    add_layer<Conv2d<32, keep3, no_bias>, Shape<7, 7, H>, false>(rows, preset, 3, false);
    add_layer<Conv2d<H, keep1, no_bias>, Shape<7, 7, 32>, false>(rows, preset, 1, false);
    add_layer<Conv2d<D, keep1>, Shape<7, 7, H>, false>(rows, preset, 1, false);
    add_layer<Conv2d<H, keep3>, Shape<7, 7, D>, false>(rows, preset, 3, false);
    add_layer<ConvTranspose2d<H / 2, double4>, Shape<7, 7, H>, true>(rows, preset, 4, true);
    add_layer<ConvTranspose2d<1, double4>, Shape<14, 14, H / 2>, true>(rows, preset, 4, true);
}

}  // namespace

void add_convolution(Rows& rows) {
    add_net<128, 64>(rows, "std");
    add_net<64, 32>(rows, "small");
}

}  // namespace bench
