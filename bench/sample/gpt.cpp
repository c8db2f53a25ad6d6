// sample-gpt/<preset>/<sequences>    tokens a second of sample(): packing the weights, 49 tokens from nothing with the
//                                    cache of keys and values, drawn from the whole softmax
// allocations/sample                 calls of operator new in sample() of 64 sequences
//
// Peers: PyTorch with a cache of keys and values that grows by concatenation, and multinomial.
//
// Dead ends tried (one sequence, small):
//     fetching weights ahead of the product, 1 to 8 KB     no change: bound by L3
//     2 MiB pages for weights                              no change
//     bfloat16 weights                                     3 times faster on one thread, but not the bits of training

#include <bench/rows.hpp>
#include <bench/support/allocations.hpp>
#include <bench/support/data.hpp>
#include <bench/support/flops.hpp>

#include <examples/support/nets.hpp>

#include <tessera/gpt/sample.hpp>

#include <cstddef>
#include <string>

namespace bench {
namespace {

namespace ts = tessera;

template <class Prior>
void add_samples(Rows& rows, const std::string& preset, std::size_t count) {
    const double drawn = static_cast<double>(count * Prior::context);
    rows.add({.name = "sample-gpt/" + preset + '/' + std::to_string(count),
              .figure = per_second("tokens", drawn),
              .flops = drawn * GptFlops<Prior::config>::sampling,
              .parallel = true},
             [count](Meter& meter) {
                 ts::Rng rng{1};
                 const Prior prior{rng};
                 meter.time([&] { benchmark::DoNotOptimize(ts::sample(prior, count, {}, rng)); });
             });
}

}  // namespace

void add_gpt_samples(Rows& rows) {
    using Small = digits::Small::Prior;
    add_samples<Small>(rows, "small", 1);
    add_samples<Small>(rows, "small", 64);
    add_samples<digits::Std::Prior>(rows, "std", 1);
    add_samples<digits::Std::Prior>(rows, "std", 64);
    rows.add({.name = "allocations/sample", .figure = plain("allocations/call"), .parallel = true}, [](Meter& meter) {
        meter.value([] {
            ts::Rng rng{1};
            const Small prior{rng};
            benchmark::DoNotOptimize(ts::sample(prior, 64, {}, rng));
            const std::size_t before = allocations();
            benchmark::DoNotOptimize(ts::sample(prior, 64, {}, rng));
            return static_cast<double>(allocations() - before);
        });
    });
}

}  // namespace bench
