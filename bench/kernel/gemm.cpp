// gemm/MxKxN                   y = x B, B in panels, packed beforehand, as once per training step
// gemm-weight-gradient/MxKxN   dB += x^T dy over M rows
//
// Shapes are those of the linear layers of both presets' priors at a whole batch (64 x 49 = 3136 rows), one row of
// sampling, and an odd size. Peers: Eigen's product of the same maps; PyTorch's mm and addmm_; OpenBLAS through numpy.
// With several threads the rows are split into pieces of 196, as in training (4 sequences); dB is never split.
//
// Tried and rejected (share of the FMA peak of one core, AVX-512, 2 MiB L2):
//     panels outside, rows inside         73 to 83 % instead of 91 to 94: x streams from L3 once per panel
//     12 rows a tile instead of 14        88 % with g++ 12, which spills the pointers
//     blocking k                          no gain up to k = 1024: panels stream from L2
//     prefetching the next rows of x      1 to 6 points lost
//     dB with strided x and dy            46 to 52 % at n = 128, k = 512: rows 2^n bytes apart map to few cache sets
//     dB in blocks of 49 rows             5 to 10 points lost against 196; 392 gains nothing
//     dB with software prefetch           2 to 12 points lost; of both lines of the next tile's sums 0 to 9
//     dB: dy copied row by row            equal (k = 1024: 1 to 7 points gained); panels of 512, 1024 columns: 0-4 lost
//     prefetching panels 2 to 16 KiB ahead    no change; 64 KiB ahead: 2 to 4 points where they come from L3
// The same on Zen 3 (AVX2, 16 registers, 32 KiB L1d, 512 KiB L2):
//     one tile at a time, as above        88 instead of 93 % (k = 128, 256): every 6 rows read all panels from L3
//     blocking k at 256                   equal at k = 256 to 512, 1 to 5 points lost at 1024
//     one call per tile                   3 points lost at k = 128, 7 at 32
//     four steps of k at a time           equal to two; without pinned operands 63 % (g++ reloads them for each row)
//     tiles of 3 x 4 vectors, two of the four read from memory (17, not 20 instructions per step)   g++ spills: 36 %
//     dB: x copied tile by tile           2 to 6 points less than row by row
//     dB: dy copied as well               2 to 5 points less than in place, but 4 more where its rows are 4 KiB apart
//     dB: 392 rows in blocks of 8 samples        a whole step 0 to 2 points slower

#include <bench/rows.hpp>
#include <bench/support/data.hpp>

#include <tessera/kernel/eigen.hpp>
#include <tessera/kernel/gemm/gemm.hpp>
#include <tessera/kernel/gemm/gemm_weight_gradient.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>

namespace bench {
namespace {

namespace kernel = tessera::kernel;

struct Size {
    std::size_t m, k, n;
    std::string name() const { return std::to_string(m) + 'x' + std::to_string(k) + 'x' + std::to_string(n); }
    double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n); }
};
constexpr std::size_t batch = 3136, piece = 196;
constexpr std::initializer_list<Size> sizes{
    {batch, 128, 384}, {batch, 128, 128},  {batch, 128, 512},  {batch, 512, 128}, {batch, 256, 768},
    {batch, 256, 256}, {batch, 256, 1024}, {batch, 1024, 256}, {1, 128, 512},     {7, 33, 65}};

Row row(const std::string& name, const Size& s, bool parallel) {
    return {.name = name + '/' + s.name(), .figure = gflops(s.flops()), .flops = s.flops(), .parallel = parallel};
}

void product(Meter& meter, const Size& s) {
    const auto x = numbers(s.m * s.k), weight = numbers(s.k * s.n, 2);
    tessera::Buffer<float> y(s.m * s.n);
    kernel::Panels<float> panels;
    panels.pack(s.k, s.n, weight.data(), s.n, 1);
    meter.time([&] {
        in_pieces(meter.threads(), s.m, piece, [&](std::size_t first, std::size_t rows) {
            kernel::gemm<float>(rows, x.data() + first * s.k, s.k, panels, y.data() + first * s.n, s.n);
        });
    });
}
void eigen_product(Meter& meter, const Size& s) {
    const auto x = numbers(s.m * s.k), weight = numbers(s.k * s.n, 2);
    tessera::Buffer<float> y(s.m * s.n);
    meter.time([&] {
        in_pieces(meter.threads(), s.m, piece, [&](std::size_t first, std::size_t rows) {
            kernel::eigen_map(y.data() + first * s.n, rows, s.n, s.n).noalias() =
                kernel::eigen_map(x.data() + first * s.k, rows, s.k, s.k) *
                kernel::eigen_map(weight.data(), s.k, s.n, s.n);
        });
    });
}
void weight_gradient(Meter& meter, const Size& s) {
    const auto x = numbers(s.m * s.k), dy = numbers(s.m * s.n, 2);
    tessera::Buffer<float> db(s.k * s.n);
    tessera::Buffer<float> copies;
    meter.time([&] {
        kernel::gemm_weight_gradient<float>(s.m, s.k, s.n, x.data(), s.k, dy.data(), s.n, db.data(), s.n, copies);
    });
}
void eigen_weight_gradient(Meter& meter, const Size& s) {
    const auto x = numbers(s.m * s.k), dy = numbers(s.m * s.n, 2);
    tessera::Buffer<float> db(s.k * s.n);
    meter.time([&] {
        kernel::eigen_map(db.data(), s.k, s.n, s.n).noalias() +=
            kernel::eigen_map(x.data(), s.m, s.k, s.k).transpose() * kernel::eigen_map(dy.data(), s.m, s.n, s.n);
    });
}

}  // namespace

void add_gemm(Rows& rows) {
    for (const Size& s : sizes) {
        rows.add(row("gemm", s, s.m == batch), [s](Meter& meter) { product(meter, s); });
        rows.add(row("eigen/gemm", s, s.m == batch), [s](Meter& meter) { eigen_product(meter, s); });
    }
    for (const Size& s : sizes) {
        rows.add(row("gemm-weight-gradient", s, false), [s](Meter& meter) { weight_gradient(meter, s); });
        rows.add(row("eigen/gemm-weight-gradient", s, false), [s](Meter& meter) { eigen_weight_gradient(meter, s); });
    }
}

}  // namespace bench
