#pragma once
// Measures the pieces of a training step for bench/scaling/model.py. The clocks are here, none is in the library.
//
// A step is: pack the weights, run the groups (forward and backward of their blocks), add up their gradients, norm or
// clipping, statistics of the codebook, optimiser, moving averages and revival. A thread that shares a group with
// others waits before each layer with parameters until the block before has added to its gradient
// (nn/exec/block_order.hpp).
// The end of such a turn is a store to BlockProgress, which a second thread watches: so the turns of a block are timed
// as they run, the last of backward first.

#include <bench/step/gpt.hpp>
#include <bench/step/vq_vae.hpp>

#include <tessera/core/batch_part.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/loss/cross_entropy.hpp>
#include <tessera/nn/exec/block_order.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/optim/clip.hpp>

#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench::scaling {

namespace ts = tessera;
using Clock = std::chrono::steady_clock;

inline double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
inline double median(std::vector<double> x) {
    std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2), x.end());
    return x[x.size() / 2];
}
inline double seconds_of_a_piece = 0.2;  // --seconds

/// Median seconds of f in an arena with so many threads.
template <class F>
double timed(std::size_t threads, F f) {
    tbb::task_arena arena{static_cast<int>(threads)};
    std::vector<double> all;
    arena.execute([&] {
        const ts::FlushDenormals guard;
        f();
        for (const auto begin = Clock::now(); since(begin) < seconds_of_a_piece || all.size() < 5;) {
            const auto start = Clock::now();
            f();
            all.push_back(since(start));
        }
    });
    return median(std::move(all));
}

/// A block: seconds of forward, and of the turns of backward.
struct BlockTimes {
    double forward = 0;
    std::vector<double> turns;
};

/// f(order, start) runs one block and sets `start` between forward and backward.
template <class F>
BlockTimes time_block(F f) {
    std::vector<double> forward;
    std::vector<std::vector<double>> turns;
    const ts::FlushDenormals guard;
    for (int run = 0; run < 40; ++run) {
        ts::nn::BlockProgress progress;
        ts::kernel::AdaptiveSpin spin{ts::nn::BlockOrder::spins};
        std::vector<Clock::time_point> ends;
        ends.reserve(1024);
        std::atomic<bool> ready = false;
        std::jthread watcher{[&] {
            ready = true;
            for (std::uint32_t seen = 0;;) {
                const std::uint32_t now = std::atomic_ref{progress.additions}.load(std::memory_order_acquire);
                if (now == ts::nn::BlockOrder::all) return;
                if (now == seen) continue;
                ends.resize(ends.size() + (now - seen), Clock::now());
                seen = now;
            }
        }};
        while (!ready) std::this_thread::yield();
        ts::nn::BlockOrder order{nullptr, progress, spin};
        const auto begin = Clock::now();
        Clock::time_point middle;
        f(order, middle);
        order.finish();
        watcher.join();
        if (run < 5) continue;  // warm-up
        forward.push_back(std::chrono::duration<double>(middle - begin).count());
        turns.resize(ends.size());
        for (std::size_t i = 0; i < ends.size(); ++i)
            turns[i].push_back(std::chrono::duration<double>(ends[i] - (i == 0 ? middle : ends[i - 1])).count());
    }
    BlockTimes out{.forward = median(std::move(forward)), .turns = {}};
    for (auto& one : turns) out.turns.push_back(median(std::move(one)));
    return out;
}

/// One line of JSON for a net.
class Line {
public:
    explicit Line(const std::string& name) { std::printf("{\"name\": \"%s\"", name.c_str()); }
    ~Line() {
        std::printf("}\n");
        std::fflush(stdout);
    }
    void number(const std::string& key, double value) { std::printf(", \"%s\": %.9g", key.c_str(), value); }
    void block(std::size_t size, const BlockTimes& times) {
        std::printf(", \"block/%zu\": {\"forward\": %.9g, \"turns\": [", size, times.forward);
        for (std::size_t i = 0; i < times.turns.size(); ++i) std::printf("%s%.9g", i ? ", " : "", times.turns[i]);
        std::printf("]}");
    }
    /// Seconds on one and on two threads.
    template <class F>
    void piece(const std::string& key, F f) {
        std::printf(", \"%s\": [%.9g", key.c_str(), timed(1, f));
        std::printf(", %.9g]", timed(2, f));
    }

private:
    Line(const Line&) = delete;
};

/// Adding up the gradients of a batch, which includes setting them to zero.
template <class Params>
void add_reduction(Line& line, std::size_t batch) {
    struct Nothing {};
    ts::nn::Grouped<Params, Nothing> groups;
    Params grad;
    line.piece("reduce/" + std::to_string(batch),
               [&] { groups.run(batch, grad, [](std::size_t, std::size_t, std::size_t, Nothing&, Params&) {}); });
}
template <class Params>
double numbers_in(const Params& p) {
    double count = 0;
    Params::each([&](const ts::ParamPath&, const auto& leaf) { count += static_cast<double>(leaf.span().size()); }, p);
    return count;
}

template <class Vae>
struct PartsOf;
template <class E, class Q, class D, class L>
struct PartsOf<ts::VqVae<E, Q, D, L>> {
    using Encoder = E;
    using Decoder = D;
};

template <class Vae>
void measure_vae(const std::string& name, const std::vector<std::size_t>& batches) {
    using Encoder = typename PartsOf<Vae>::Encoder;
    using Decoder = typename PartsOf<Vae>::Decoder;
    ts::Rng rng{1};
    Vae vae{rng, {.kmeans = false}};
    auto grad = std::make_unique<typename Vae::Params>();
    Line line{name};
    line.number("parameters", numbers_in(vae.params()));

    ts::nn::Weights<Encoder> encoder;
    ts::nn::Weights<Decoder> decoder;
    line.piece("pack", [&] {
        ts::nn::pack<Encoder>(vae.params().encoder, encoder);
        ts::nn::pack<Decoder>(vae.params().decoder, decoder);
    });
    for (const std::size_t size : {1, 2, 4}) {
        const auto x = pixels(size * Vae::Input::size);
        const ts::View<const float, typename Vae::Input> in{x.data(), size};
        ts::Tensor<float, typename Vae::Latent> z{size}, dz{size};
        ts::Tensor<float, typename Vae::Input> y{size}, dx{size};
        typename Encoder::Cache encoding;
        typename Decoder::Cache decoding;
        line.block(size, time_block([&](ts::nn::BlockOrder& order, Clock::time_point& middle) {
                       ts::nn::begin<Encoder>(encoding, {true, {}, 0, ts::nn::order_inside<Encoder>(&order)});
                       ts::nn::begin<Decoder>(decoding, {true, {}, 0, ts::nn::order_inside<Decoder>(&order)});
                       Encoder::forward(encoder, in, z.view(), encoding);
                       Decoder::forward(decoder, std::as_const(z).view(), y.view(), decoding);
                       middle = Clock::now();
                       ts::nn::backward_in_order<Decoder>(&order, [&] {
                           Decoder::backward(decoder, std::as_const(z).view(), std::as_const(y).view(),
                                             std::as_const(y).view(), dz.view(), decoding, grad->decoder);
                       });
                       ts::nn::backward_in_order<Encoder>(&order, [&] {
                           ts::nn::backward_params<Encoder>(encoder, in, std::as_const(z).view(),
                                                            std::as_const(dz).view(), dx, encoding, grad->encoder);
                       });
                   }));
    }
    typename Vae::Workspace ws;
    typename Vae::Statistics statistics;
    ts::Adam optimizer{vae, {.lr = 1e-3}};
    for (const std::size_t batch : batches) {
        const auto x = pixels(batch * Vae::Input::size);
        auto copy = x;
        const ts::View<const float, typename Vae::Input> in{x.data(), batch};
        const std::string of = '/' + std::to_string(batch);
        line.piece("gradient" + of, [&] { vae.loss_and_grad(in, ws, *grad); });
        add_reduction<typename Vae::Params>(line, batch);
        line.piece("observe" + of, [&] { vae.observe(ws, ts::BatchPart::whole(batch), statistics); });
        line.piece("copy" + of, [&] { std::ranges::copy(x, copy.begin()); });
        VqVaeTraining<Vae> training{batch};
        line.piece("step" + of, [&] { training.step(); });
    }
    line.piece("zero", [&] {
        ts::set_zero(*grad);
        ts::set_zero(statistics);
    });
    line.piece("norm", [&] { benchmark::DoNotOptimize(ts::grad_norm(*grad)); });
    line.piece("optimizer", [&] { optimizer.update(vae.params(), std::as_const(*grad)); });
    line.piece("averages", [&] { vae.update(ws, std::as_const(statistics)); });
}

template <class Prior, std::size_t... Sizes>
void measure_gpt(const std::string& name, const std::vector<std::size_t>& batches) {
    using Net = typename Prior::Net;
    ts::Rng rng{1};
    Prior prior{rng, {.label_dropout = 1}};
    auto grad = std::make_unique<typename Prior::Params>();
    Line line{name};
    line.number("parameters", numbers_in(prior.params()));
    ts::nn::Weights<Net> weights;
    line.piece("pack", [&] { ts::nn::pack<Net>(prior.params().net, weights); });
    for (const std::size_t size : {Sizes...}) {
        const auto t = tokens(size * Prior::context, Prior::vocab);
        const ts::View<const ts::Token, typename Prior::Context> in{t.data(), size};
        typename Prior::Frozen::Scratch s;
        s.logits.resize(size);
        line.block(size, time_block([&](ts::nn::BlockOrder& order, Clock::time_point& middle) {
                       ts::nn::begin<Net>(s.net, {true, {}, 0, ts::nn::order_inside<Net>(&order)});
                       Net::forward(weights, in, s.logits.view(), s.net);
                       ts::cross_entropy<float>(s.logits.span(), in.span(), s.logits.span(), 1e-3f);
                       middle = Clock::now();
                       const ts::View<const float, typename Prior::Logits> d{s.logits};
                       ts::nn::backward_in_order<Net>(
                           &order, [&] { Net::backward_params(weights, in, d, d, s.net, grad->net); });
                   }));
    }
    typename Prior::Workspace ws;
    ts::AdamW optimizer{prior, {.lr = 3e-4}};
    for (const std::size_t batch : batches) {
        const auto t = tokens(batch * Prior::context, Prior::vocab);
        auto copy = t;
        const typename Prior::Batch in{{t.data(), batch}, {}};
        const std::string of = '/' + std::to_string(batch);
        line.piece("gradient" + of, [&] { prior.loss_and_grad(in, ws, *grad); });
        add_reduction<typename Prior::Params>(line, batch);
        line.piece("copy" + of, [&] { std::ranges::copy(t, copy.begin()); });
        GptTraining<Prior> training{batch};
        line.piece("step" + of, [&] { training.step(); });
    }
    line.piece("zero", [&] { ts::set_zero(*grad); });
    line.piece("norm", [&] { benchmark::DoNotOptimize(ts::clip_grad_norm(*grad, 1e-3)); });
    line.piece("optimizer", [&] { optimizer.update(prior.params(), std::as_const(*grad)); });
}

}  // namespace bench::scaling
