// sample-gpt/<preset>/<sequences>    tokens per second of sample(): packing the weights, then 49 tokens with the KV
//                                    cache, drawn from the whole softmax
// sample-gpt/small/1/frozen          microseconds of sample() of one sequence with weights packed beforehand
// sample-gpt/small/1/freezing        the same with packing: the difference is what packing costs
// allocations/sample                 calls of operator new in sample() of 64 sequences, per call
// allocations/sample-token           the same per token: a step of the cache and the draw
//
// Peers: PyTorch with a KV cache that grows by concatenation, and multinomial.
//
// What limits it (small, Zen 3, 512 KiB of L2 per core; 80 GB/s per core from L3, so 41 us for the 3.3 MB of weights):
//     1 sequence      products of one row read them at 70 to 77 GB/s: 45 of 55 us per token on one thread. Two threads
//                     read half each: 22 of 31 us, then waits (23 per token), norms, Gelu and attention. Packing is
//                     0.15 to 0.23 ms of 2 to 3 ms per call
//     64 sequences    products in 32 rows run at 94 % of the peak and are 70 % of the time; attention 20 %, as keys and
//                     values come from L3 as well, Gelu 4 %, the draw 1 %. With AVX-512 and 2 MiB of L2 products are
//                     56 % at 80 % of the peak, attention 22 % (33 % with keys as lanes, see
//                     kernel/attention/kv_cache_interleaved.hpp), page faults of the cache 5 %: 47 % of the peak in
//                     all, 49,800 tokens/s on one thread
//
// Tried and rejected (small):
//     one thread                           bound by L3. With 2 MiB of L2 per core each of two threads keeps half of the
//                                          weights there: 3 times as fast; used up to 8 sequences, no gain at 16
//     64 sequences in one cache            products at 76 to 95 instead of 98 GFLOP/s
//     prefetching weights 1 to 8 KB ahead                  no change: bound by L3
//     2 MiB pages for weights                              no change
//     bfloat16 weights                                     3 times faster on one thread, but not the bits of training
//     copies of whole vectors in packing                   no change: bound by the caches
//     several positions of one sequence a pass (fixed-point iteration; Wiggers, Hoogeboom 2020, arXiv:2002.09928): the
//     same tokens, bit for bit, but no faster. A guess is the draw from the pass before, with the random number of its
//     position; what follows the first wrong one is drawn again. Small prior of the default run (2.6 nats a token),
//     passes of 49 with a window of 4 / 8 / 16, AVX-512 and 1 MiB of L2 (Zen 4):
//         temperature 0.9, top-p 0.95      38.6 / 36.0 / 35.7; the whole softmax 34.0 / 29.3 / 27.7
//         temperature 1, guidance 2        38.0 / 35.3 / 34.6
//         guessing the most probable       40.8 / 40.1 / 40.1; new positions guessed as the token above: no change
//         Gumbel noise for each token      30.3 / 23.4 / 20.3: one uniform number a position, which draw_token uses,
//                                          moves to another token with every change of the distribution. Gumbel noise
//                                          would be other samples and vocab random numbers a token
//     The products of a pass of 2, 3, 4, 6, 8 rows cost 1.05, 1.1, 1.4, 1.8, 2.4 of those of one (std, weights from
//     L3), in half of the columns, the share of one of two threads, 1.0, 1.2, 1.6, 2.4, 3.2; small 1.0, 1.2, 1.6, 2.3,
//     3.1: from 4 rows on they run at the peak. So std gains nothing with any window (measured on a busy machine, side
//     by side: 0.9 times the tokens/s with 4, 0.5 to 0.6 with 8; with guidance 1.0 with 2), and would gain 1.25 times
//     at most with Gumbel noise. Width 512 and 12 layers, 151 MB from memory: 1.05 with 4, 1.25 with 8, 0.9 with 12
//     weights by prefetchnta, so that a part of them stays in L2: 1.7 MB a thread, 1 MiB of L2: 22 -> 19 to 21 us a
//     pass; 3.3 MB: no change

#include <bench/rows.hpp>
#include <bench/support/allocations.hpp>
#include <bench/support/data.hpp>
#include <bench/support/flops.hpp>

#include <examples/support/default_nets.hpp>

#include <tessera/gpt/sample.hpp>

#include <cstddef>
#include <string>
#include <vector>

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
    using Small = digits::Small::Gpt2;
    add_samples<Small>(rows, "small", 1);
    add_samples<Small>(rows, "small", 64);
    add_samples<digits::Std::Gpt2>(rows, "std", 1);
    add_samples<digits::Std::Gpt2>(rows, "std", 64);
    for (const bool freezes : {false, true})
        rows.add({.name = freezes ? "sample-gpt/small/1/freezing" : "sample-gpt/small/1/frozen",
                  .figure = microseconds(),
                  .parallel = true},
                 [freezes](Meter& meter) {
                     ts::Rng rng{1};
                     const Small prior{rng};
                     const auto frozen = prior.freeze();
                     meter.time([&] {
                         if (freezes)
                             benchmark::DoNotOptimize(ts::sample(prior, 1, {}, rng));
                         else
                             benchmark::DoNotOptimize(ts::sample(frozen, 1, {}, rng));
                     });
                 });
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
    rows.add({.name = "allocations/sample-token", .figure = plain("allocations/token")}, [](Meter& meter) {
        meter.value([] {
            ts::Rng rng{1};
            const Small prior{rng};
            const auto frozen = prior.freeze();
            ts::KvCache<Small> cache{4};
            std::vector<ts::Token> next(4), order(Small::vocab);
            const std::size_t before = allocations();
            for (std::size_t at = 0; at < Small::context; ++at) {
                const auto logits = cache.step(frozen, next);
                for (std::size_t i = 0; i < next.size(); ++i)
                    next[i] = ts::draw_token<float>(logits.subspan(i * Small::vocab, Small::vocab), {}, order, rng);
            }
            return static_cast<double>(allocations() - before) / static_cast<double>(next.size() * Small::context);
        });
    });
}

}  // namespace bench
