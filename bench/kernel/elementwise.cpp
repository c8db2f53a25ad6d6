// gelu-forward, gelu-backward, softmax, layer_norm-forward, layer_norm-backward, adamw: ns per number
//
// 196 rows (4 sequences of the presets), 512 wide for GELU and softmax, 256 for layer norm: 400 and 200 KB, in L2.
// AdamW runs over a million weights, 16 MB with gradient and moments. Peers: the same formula as an Eigen expression,
// PyTorch eager and compiled.
//
// Tried and rejected (ns per number, one core, AVX-512):
//     tanh by an estimate of 1 / x and Newton steps      0.45 instead of 0.37 in GELU: division is faster and exact
//     GELU's derivative recomputed in the backward pass  0.56 instead of 0.03 if the forward pass stores it (+ 0.10)
//     xsimd's exp and tanh                               0.34, 0.72 instead of 0.20, 0.34; other bits with AVX2
// GELU on Zen 4 (AVX-512), 16 products and a division for each vector, takes 22 cycles: 0.37 ns, 0.40 before exact
// operations were left out; AVX2: 0.50, 0.57.
//     2, 4, 8 vectors at once, instructions interleaved  0.35, 0.35, 0.34: less waiting, but exp written a second time

#include <bench/rows.hpp>
#include <bench/support/data.hpp>

#include <tessera/kernel/adamw.hpp>
#include <tessera/kernel/eigen.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/layer_norm.hpp>
#include <tessera/kernel/softmax.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>

namespace bench {
namespace {

namespace kernel = tessera::kernel;
using tessera::Buffer;
using Array = Eigen::Map<Eigen::ArrayXf>;

constexpr std::size_t lines = 196, wide = 512, width = 256, weights = 1'000'000;
constexpr float eps = 1e-5f;

Row row(std::string name, std::size_t n) {
    return {.name = std::move(name), .figure = nanoseconds_per("element", static_cast<double>(n))};
}
Array array(Buffer<float>& x) { return {x.data(), static_cast<Eigen::Index>(x.size())}; }

void gelu_forward(Meter& meter) {
    auto x = numbers(lines * wide);
    Buffer<float> y(x.size());
    meter.time([&] { kernel::gelu_forward<float>(x, y); });
}
void eigen_gelu_forward(Meter& meter) {
    auto x = numbers(lines * wide);
    Buffer<float> y(x.size());
    const Array a = array(x);
    Array b = array(y);
    meter.time([&] { b = 0.5f * a * (1.f + (0.7978845608f * (a + 0.044715f * a.cube())).tanh()); });
}
void gelu_backward(Meter& meter) {
    auto x = numbers(lines * wide), dy = numbers(lines * wide, 2);
    Buffer<float> dx(x.size());
    meter.time([&] { kernel::gelu_backward<float>(x, dy, dx); });
}
void softmax(Meter& meter) {
    auto x = numbers(lines * wide);
    Buffer<float> y(x.size());
    meter.time([&] {
        for (std::size_t r = 0; r < lines; ++r)
            kernel::softmax<float>(std::span<const float>{x}.subspan(r * wide, wide),
                                   std::span<float>{y}.subspan(r * wide, wide));
    });
}
void eigen_softmax(Meter& meter) {
    auto x = numbers(lines * wide);
    Buffer<float> y(x.size());
    const auto a = kernel::eigen_map(x.data(), lines, wide, wide);
    auto b = kernel::eigen_map(y.data(), lines, wide, wide);
    meter.time([&] {
        for (Eigen::Index r = 0; r < a.rows(); ++r) {
            b.row(r).array() = (a.row(r).array() - a.row(r).maxCoeff()).exp();
            b.row(r) /= b.row(r).sum();
        }
    });
}

struct Norm {
    Buffer<float> x = numbers(lines * width), dy = numbers(lines * width, 2), y = Buffer<float>(lines * width);
    Buffer<float> weight = numbers(width, 3), bias = numbers(width, 4), dweight = Buffer<float>(width);
    Buffer<float> dbias = Buffer<float>(width), mean = Buffer<float>(lines), rstd = Buffer<float>(lines);
    void forward() { kernel::layer_norm_forward<float>(x, weight, bias, y, mean, rstd, eps); }
};
void layer_norm_forward(Meter& meter) {
    Norm norm;
    meter.time([&] { norm.forward(); });
}
void layer_norm_backward(Meter& meter) {
    Norm norm;
    norm.forward();
    meter.time([&] {
        kernel::layer_norm_backward<float>(norm.x, norm.weight, norm.mean, norm.rstd, norm.dy, norm.y, norm.dweight,
                                           norm.dbias);
    });
}
void eigen_layer_norm(Meter& meter) {
    Norm norm;
    const auto a = kernel::eigen_map(norm.x.data(), lines, width, width);
    auto b = kernel::eigen_map(norm.y.data(), lines, width, width);
    const auto gain = kernel::eigen_map(norm.weight.data(), 1, width, width).array().row(0);
    const auto shift = kernel::eigen_map(norm.bias.data(), 1, width, width).array().row(0);
    meter.time([&] {
        for (Eigen::Index r = 0; r < a.rows(); ++r) {
            b.row(r).array() = a.row(r).array() - a.row(r).mean();
            const float rstd = 1 / std::sqrt(b.row(r).squaredNorm() / static_cast<float>(width) + eps);
            b.row(r).array() = b.row(r).array() * rstd * gain + shift;
        }
    });
}

constexpr kernel::AdamFactors<float> factors{.one_minus_beta1 = 0.1f,
                                             .beta2 = 0.999f,
                                             .one_minus_beta2 = 0.001f,
                                             .step = 1e-3f,
                                             .root = 1,
                                             .eps = 1e-8f,
                                             .keep = 0.99999f,
                                             .l2 = 0};
struct Adam {
    Buffer<float> p = numbers(weights), g = numbers(weights, 2), m = numbers(weights, 3), v = pixels(weights, 4);
};
void adamw(Meter& meter) {
    Adam a;
    meter.time([&] { kernel::adamw_update<float>(factors, a.g, a.p, a.m, a.v); });
}
void eigen_adamw(Meter& meter) {
    Adam a;
    Array p = array(a.p), g = array(a.g), m = array(a.m), v = array(a.v);
    meter.time([&] {
        m += factors.one_minus_beta1 * (g - m);
        v = factors.beta2 * v + factors.one_minus_beta2 * g.square();
        p = factors.keep * p - factors.step * m / (v.sqrt() * factors.root + factors.eps);
    });
}

}  // namespace

void add_elementwise(Rows& rows) {
    rows.add(row("gelu-forward", lines * wide), gelu_forward);
    rows.add(row("eigen/gelu-forward", lines * wide), eigen_gelu_forward);
    rows.add(row("gelu-backward", lines * wide), gelu_backward);
    rows.add(row("softmax", lines * wide), softmax);
    rows.add(row("eigen/softmax", lines * wide), eigen_softmax);
    rows.add(row("layer_norm-forward", lines * width), layer_norm_forward);
    rows.add(row("eigen/layer_norm-forward", lines * width), eigen_layer_norm);
    rows.add(row("layer_norm-backward", lines * width), layer_norm_backward);
    rows.add(row("adamw", weights), adamw);
    rows.add(row("eigen/adamw", weights), eigen_adamw);
}

}  // namespace bench
