// lookup/N/K/D           the nearest of K codebook vectors for each of N vectors of width D; packed beforehand
// scale-codes/K          the same for 6272 vectors of width 64: scaling with the size of the codebook
// scale-width/D          the same for 6272 vectors and a codebook of 512: scaling with the width
//
// Shapes: a batch of the preset std, and 2048 images of 7 x 7 for three usual codebooks. The share of the peak counts
// 2 N K D. Peers: Eigen (product of 196 vectors with the codebook, then the maximum of each row); PyTorch (the usual
// |x|^2 - 2 x e + |e|^2 and argmin, eager and compiled); FAISS IndexFlatL2; OpenBLAS and argmin through numpy.
//
// Tried and rejected (share of the FMA peak of one core, AVX-512; D = 64, K = 512 unless stated otherwise):
//     scalar search for the best lane at the end of a row        76 to 87 % instead of 91 to 93
//     scores stored, minimum first, index by a second scan       81 %; 54 % at D = 16
//     each vector of scores compared with the best separately    1 point less than comparing two with each other first
//     xsimd's fnma on AVX-512 (a product and a sum)              45 %
//     one tile against all panels, best lane by a scalar search  78-85 instead of 87-91 % (Zen 3); D = 32: 55, not 88

#include <bench/rows.hpp>
#include <bench/support/data.hpp>

#include <tessera/kernel/eigen.hpp>
#include <tessera/kernel/nearest_vector.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace bench {
namespace {

namespace kernel = tessera::kernel;

struct Size {
    std::size_t n, k, d;
    std::string name() const { return std::to_string(n) + '/' + std::to_string(k) + '/' + std::to_string(d); }
    double flops() const { return 2.0 * static_cast<double>(n) * static_cast<double>(k) * static_cast<double>(d); }
};
constexpr std::size_t piece = 784;  // vectors of a block of 16 images

Row row(std::string name, const Size& s) {
    return {.name = std::move(name),
            .figure = {"Mvectors/s", static_cast<double>(s.n) * 1e-6, true},
            .flops = s.flops(),
            .parallel = true};
}

void lookup(Meter& meter, const Size& s) {
    const auto x = numbers(s.n * s.d), codes = numbers(s.k * s.d, 2);
    std::vector<tessera::Token> out(s.n);
    kernel::CodePanels<float> panels;
    panels.pack(s.k, s.d, codes.data());
    meter.time([&] {
        in_pieces(meter.threads(), s.n, piece, [&](std::size_t first, std::size_t count) {
            kernel::nearest_vector<float>(count, x.data() + first * s.d, s.d, panels, out.data() + first);
        });
    });
}

void eigen_lookup(Meter& meter, const Size& s) {
    constexpr std::size_t block = 196;
    const auto x = numbers(s.n * s.d), codes = numbers(s.k * s.d, 2);
    std::vector<tessera::Token> out(s.n);
    const auto e = kernel::eigen_map(codes.data(), s.k, s.d, s.d);
    const kernel::RowMajor<float> half = 0.5f * e.rowwise().squaredNorm().transpose();
    const auto search = [&](std::size_t begin, std::size_t count) {
        kernel::RowMajor<float> scores;
        for (std::size_t first = begin; first < begin + count; first += block) {
            const std::size_t rows = std::min(block, begin + count - first);
            scores.noalias() = kernel::eigen_map(x.data() + first * s.d, rows, s.d, s.d) * e.transpose();
            for (std::size_t i = 0; i < rows; ++i) {
                Eigen::Index best = 0;
                (scores.row(static_cast<Eigen::Index>(i)) - half.row(0)).maxCoeff(&best);
                out[first + i] = static_cast<tessera::Token>(best);
            }
        }
    };
    meter.time([&] { in_pieces(meter.threads(), s.n, piece, search); });
}

void add_pair(Rows& rows, const std::string& name, const Size& s) {
    rows.add(row(name, s), [s](Meter& meter) { lookup(meter, s); });
    rows.add(row("eigen/" + name, s), [s](Meter& meter) { eigen_lookup(meter, s); });
}

}  // namespace

void add_nearest_vector(Rows& rows) {
    for (const Size& s : {Size{6272, 512, 64}, Size{100352, 1024, 64}, Size{100352, 8192, 32}, Size{100352, 512, 256}})
        add_pair(rows, "lookup/" + s.name(), s);
    for (const std::size_t k : {64, 256, 1024, 4096}) add_pair(rows, "scale-codes/" + std::to_string(k), {6272, k, 64});
    for (const std::size_t d : {8, 16, 32, 128, 256})
        add_pair(rows, "scale-width/" + std::to_string(d), {6272, 512, d});
}

}  // namespace bench
