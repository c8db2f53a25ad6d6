// race: what the library does with threads, on the double of oneTBB in double/tbb, for ThreadSanitizer.
//
//     race              the scorecard's run of both stages, samples, and images through a team; no report
//     race order        a layer adds to the gradient of its group without its turn
//     race team         a worker reads what another has written in the same step
//     race loop         a task writes what all of them write
//
// The last three are the same code with one wait less each: a check that reports nothing about them checks nothing.

#include <reliability/run.hpp>

#include <tessera/core/fp_environment.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/nn/backward_epilogue.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/testing/detail/full_team.hpp>

#include <atomic>
#include <cstdio>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using namespace reliability;

/// Returns when `threads` have called it, so that one cannot do the work of all. Orders nothing.
void meet(std::atomic<std::size_t>& met, std::size_t threads) {
    met.fetch_add(1, std::memory_order_relaxed);
    while (met.load(std::memory_order_relaxed) < threads) std::this_thread::yield();
}

/// Of two blocks in the backward pass of the layer below, which would otherwise be over before the next one begins.
std::atomic<std::size_t> in_backward{0};

/// nn::Linear that says of itself that it waits for its turn, which it does not: `Repeat` and `Chain` call it at once.
template <ts::StaticShape In, std::floating_point T>
struct HastyLinearLayer : nn::Linear<8>::Bind<In, T> {
    using Base = typename nn::Linear<8>::template Bind<In, T>;
    using OrdersGradient = HastyLinearLayer;

    static void begin(typename Base::Cache&, const nn::Pass&) {}
    static void backward(const typename Base::Packed& w, ts::View<const T, In> x,
                         ts::View<const T, typename Base::Output> y, ts::View<const T, typename Base::Output> dy,
                         ts::View<T, In> dx, typename Base::Cache& cache, typename Base::Params& grad,
                         const nn::BackwardEpilogue<T>& end = {}) {
        meet(in_backward, 2);
        Base::backward(w, x, y, dy, dx, cache, grad, end);
    }
};
struct HastyLinear {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = HastyLinearLayer<In, T>;
};

/// A group of 16 samples, whose blocks three threads share: a forward and backward pass of two copies of a layer.
template <class Spec>
void share_a_group() {
    struct Net : nn::Chain<ts::Shape<8>, nn::Repeat<2, Spec>, nn::Linear<8>> {};
    struct Scratch {
        typename Net::Cache cache;
        ts::Tensor<float, ts::Shape<8>> y, dx;
    };
    constexpr std::size_t batch = nn::group_size;
    typename Net::Params params, grad;
    ts::Rng rng{3};
    Net::init(params, rng);
    typename Net::Packed w;
    Net::pack(params, w);
    ts::Tensor<float, ts::Shape<8>> x{batch};
    for (float& v : x.span()) v = rng.normal();
    nn::Grouped<typename Net::Params, Scratch> groups;
    for (int again = 0; again < 20; ++again) {
        std::atomic<std::size_t> met{0};
        in_backward = 0;
        groups.run(batch, grad,
                   [&](std::size_t first, std::size_t count, std::size_t block, Scratch& s, typename Net::Params& g,
                       nn::BlockOrder* order) {
                       if (block < 3) meet(met, 3);
                       s.y.resize(count);
                       s.dx.resize(count);
                       const auto in = std::as_const(x).view().slice(first, count);
                       nn::begin<Net>(s.cache, {true, ts::Rng{1}, first, nn::order_inside<Net>(order)});
                       Net::forward(w, in, s.y.view(), s.cache);
                       nn::backward_in_order<Net>(order, [&] {
                           Net::backward(w, in, std::as_const(s.y), std::as_const(s.y), s.dx.view(), s.cache, g);
                       });
                   });
    }
}

/// Each worker writes its share, then reads its neighbour's.
void share_rounds(bool waits) {
    std::vector<long> a(30, 1), b(30);
    ts::testing::detail::run_full_team(3, 200, [&](const ts::kernel::Worker& me, std::size_t) {
        const auto [begin, end] = me.share(a.size());
        for (std::size_t i = begin; i < end; ++i) b[i] = a[i] + 1;
        if (waits) me.wait();
        for (std::size_t i = begin; i < end; ++i) a[i] = b[(i + 13) % b.size()] % 1000;
    });
}

/// Each task adds to the sum of its slot, or of all slots.
void share_a_loop(bool own) {
    std::vector<long> sums(8 * 3);
    std::atomic<std::size_t> met{0};
    ts::kernel::for_each_slot(300, 3, [&](std::size_t i, std::size_t slot) {
        if (i < 3) meet(met, 3);
        sums[own ? 8 * slot : 0] += static_cast<long>(i);
    });
}

/// The run of the scorecard, then its models.
void everything() {
    share_a_group<nn::Linear<8>>();
    share_rounds(true);
    share_a_loop(true);
    TinyRun run;
    run.run(TinyRun::steps, [](std::uint64_t) {});
    const auto data = bars(40);
    ts::Rng rng{4};
    auto few = ts::batches(data, 5, {.shuffle = false});
    const auto first = *few.begin();
    static_cast<void>(run.vae().reconstruct(first.x));  // by a team
    static_cast<void>(run.vae().evaluate(data));
    for (const std::size_t count : {3u, 20u}) static_cast<void>(ts::sample(run.prior(), count, {}, rng));
    std::printf("%s\n", run.sha256().c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const std::string seed = argc > 1 ? argv[1] : "";
    if (seed == "order")
        share_a_group<HastyLinear>();
    else if (seed == "team")
        share_rounds(false);
    else if (seed == "loop")
        share_a_loop(false);
    else if (seed.empty())
        everything();
    else
        return std::fprintf(stderr, "race: order, team, loop or nothing, got %s\n", seed.c_str()), 2;
}
