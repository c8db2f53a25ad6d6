// kmeans/N/K/D           initialises a codebook of K vectors from N rows of width D: k-means++, then 10 Lloyd steps
// kmeans-seeds/N/K/D     k-means++ alone
//
// Shapes: the first batch (64 images of 7 x 7) of the presets small and std, and a large codebook. The rows are noise:
// the fewest distances can be left out, and vectors move for the most steps.
//
// Tried and rejected (16,384 rows of 64 numbers, 8192 vectors, one core of an EPYC, Zen 4):
//     all distances in double, one row after another             6.4 s for k-means++ instead of 0.50
//     all Lloyd steps search all pairs                           1.55 s for 10 steps instead of 0.40
//     blocks of 128 rows (8 accumulators)                        0.50 s, on rows near a surface 0.43 instead of 0.41
//     the sum is checked after 8, 32, 64 columns, not 16         0.51, 0.48, 0.48 s; near a surface 0.41, 0.42, 0.50

#include <bench/rows.hpp>
#include <bench/support/data.hpp>

#include <tessera/vq/kmeans.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace bench {
namespace {

template <std::size_t K, std::size_t D>
void add(Rows& rows, const std::string& name, std::size_t n, std::size_t steps) {
    rows.add({.name = name + '/' + std::to_string(n) + '/' + std::to_string(K) + '/' + std::to_string(D),
              .figure = microseconds("ms", 1000),
              .parallel = true},
             [n, steps](Meter& meter) {
                 const auto x = numbers(n * D);
                 const auto book = std::make_unique<tessera::CodebookState<K, D, float>>();
                 meter.time([&] { tessera::kmeans(*book, std::span<const float>{x}, tessera::Rng{1}, steps); });
             });
}
template <std::size_t K, std::size_t D>
void add_pair(Rows& rows, std::size_t n) {
    add<K, D>(rows, "kmeans", n, 10);
    add<K, D>(rows, "kmeans-seeds", n, 0);
}

}  // namespace

void add_kmeans(Rows& rows) {
    add_pair<256, 32>(rows, 3136);
    add_pair<512, 64>(rows, 3136);
    add_pair<8192, 64>(rows, 16384);
}

}  // namespace bench
