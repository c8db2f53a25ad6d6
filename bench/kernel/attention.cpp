// attention-forward/T/d     causal attention of T tokens and heads of width d, time per head and sequence
// attention-backward/T/d    its dq, dk, dv, from the stored statistics of the rows
//
// 49 tokens are a digit of the presets (16 sequences of 4 heads are measured together), 784 are its pixels (2
// sequences; at d = 8 each exponential comes with 16 products instead of 64). The share of the peak counts only the
// pairs that the mask allows: 2 products forward, 5 backward. Peers: Eigen (all scores, mask, softmax and products, in
// the straightforward way); PyTorch's scaled_dot_product_attention.
//
// Tried and rejected (share of the peak forward / backward; Zen 3, AVX2, unless stated otherwise):
//     strips of queries as rows, softmax by rows, products from packed K^T, K, V    T 49: 14 / 15, T 784: 40 / 37;
//                                                      queries as lanes: 46 / 46 and 68 / 69
//     tiles of 3 x 4 vectors, finer on the diagonal    52 to 70 % in the tile: g++ and clang spill; 6 x 2: 91 %
//     one step of a tile at a time                     84 instead of 94 % in the tile (64 keys)
//     rows in place, 784 tokens                        64 / 67 (d = 8: 36 / 46 instead of 40 / 50)
//     copies of rows, 49 tokens                        45 / 44
//     all exponentials before any of o                 2 points less at 784 tokens: 50 KB of scores go to L2 once more
//     exponential by Estrin's scheme                   no change: bound by four operations per cycle, not by the chain
//     prefetching the next head's rows                 no change
//     copying q, k, v of a head together first         no gain on a core with 48 KiB of L1 and 2 MiB of L2 (AVX-512)
//     scores kept in registers, computed twice         the same time at d = 8 on AVX-512, 10 % faster on AVX2
//     scalar tails when transposing 49 tokens          9.4 instead of 7.7 us per head backward (AVX-512)

#include <bench/rows.hpp>
#include <bench/support/data.hpp>

#include <tessera/kernel/attention/attention.hpp>
#include <tessera/kernel/eigen.hpp>

#include <cmath>
#include <cstddef>
#include <string>

namespace bench {
namespace {

namespace kernel = tessera::kernel;
using kernel::AttentionSize;

double flops(const AttentionSize& s, double products) {
    const double pairs = 0.5 * static_cast<double>(s.tokens * (s.tokens + 1));
    return products * 2 * pairs * static_cast<double>(s.width * s.batch * s.heads);
}
Row row(const std::string& name, const AttentionSize& s, double products) {
    return {.name = name + '/' + std::to_string(s.tokens) + '/' + std::to_string(s.width),
            .figure = microseconds("us/head", static_cast<double>(s.batch * s.heads)),
            .flops = flops(s, products)};
}

struct Bed {
    explicit Bed(const AttentionSize& s)
        : rows{s.batch * s.tokens}, qkv{numbers(rows * 3 * s.channels())}, dqkv(qkv.size()),
          o(rows * s.channels()), dout{numbers(o.size(), 2)}, largest(rows * s.heads), inverse(rows * s.heads) {}

    std::size_t rows;
    tessera::Buffer<float> qkv, dqkv, o, dout, largest, inverse;
    kernel::AttentionScratch<float> scratch;
};

void forward(Meter& meter, const AttentionSize& s) {
    Bed bed{s};
    meter.time([&] {
        kernel::attention_forward<float>(s, bed.qkv.data(), bed.o.data(), bed.largest, bed.inverse, bed.scratch);
    });
}
void backward(Meter& meter, const AttentionSize& s) {
    Bed bed{s};
    kernel::attention_forward<float>(s, bed.qkv.data(), bed.o.data(), bed.largest, bed.inverse, bed.scratch);
    meter.time([&] {
        kernel::attention_backward<float>(s, bed.qkv.data(), bed.o.data(), bed.dout.data(), bed.dqkv.data(),
                                          bed.largest, bed.inverse, bed.scratch);
    });
}
void eigen_forward(Meter& meter, const AttentionSize& s) {
    Bed bed{s};
    const std::size_t width = s.channels();
    const float scale = 1 / std::sqrt(static_cast<float>(s.width));
    const auto tokens = static_cast<Eigen::Index>(s.tokens);
    kernel::RowMajor<float> p;
    meter.time([&] {
        for (std::size_t unit = 0; unit < s.batch * s.heads; ++unit) {
            const std::size_t first = unit / s.heads * s.tokens, column = unit % s.heads * s.width;
            const auto part = [&](std::size_t which) {
                return kernel::eigen_map(static_cast<const float*>(bed.qkv.data()) + first * 3 * width + which * width +
                                             column,
                                         s.tokens, s.width, 3 * width);
            };
            p.noalias() = scale * part(0) * part(1).transpose();
            for (Eigen::Index i = 0; i < tokens; ++i) {
                auto seen = p.row(i).head(i + 1).array();
                seen = (seen - seen.maxCoeff()).exp();
                seen /= seen.sum();
                p.row(i).tail(tokens - i - 1).setZero();
            }
            kernel::eigen_map(bed.o.data() + first * width + column, s.tokens, s.width, width).noalias() = p * part(2);
        }
    });
}

}  // namespace

void add_attention(Rows& rows) {
    for (const AttentionSize& s :
         {AttentionSize{16, 49, 4, 32}, AttentionSize{2, 784, 4, 32}, AttentionSize{2, 784, 4, 8}}) {
        rows.add(row("attention-forward", s, 2), [s](Meter& meter) { forward(meter, s); });
        rows.add(row("eigen/attention-forward", s, 2), [s](Meter& meter) { eigen_forward(meter, s); });
        rows.add(row("attention-backward", s, 5), [s](Meter& meter) { backward(meter, s); });
    }
}

}  // namespace bench
