// Time and memory of causal attention against the number of tokens: one sequence, 4 heads of 32, one thread.
//
// Prints one JSON object a line: tokens, microseconds of a forward and of a backward pass (medians), their shares of
// the FMA peak measured before and after, and the bytes that the passes need besides their inputs and outputs:
// statistics of the rows and scratch. bench/attention/run.sh makes a table and a chart of them.

#include <bench/support/data.hpp>
#include <bench/support/peak.hpp>

#include <tessera/kernel/attention/attention.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace {

namespace kernel = tessera::kernel;

constexpr std::size_t heads = 4, width = 32;

/// Seconds of a call: the median of samples of at least 20 ms each.
template <class F>
double seconds(F&& call) {
    using Clock = std::chrono::steady_clock;
    constexpr double least = 0.02;
    constexpr std::size_t samples = 9;
    std::vector<double> all;
    std::size_t calls = 1;
    call();
    while (all.size() < samples) {
        const auto start = Clock::now();
        for (std::size_t i = 0; i < calls; ++i) call();
        const double passed = std::chrono::duration<double>(Clock::now() - start).count();
        if (passed < least && all.empty())
            calls *= 2;
        else
            all.push_back(passed / static_cast<double>(calls));
    }
    std::ranges::nth_element(all, all.begin() + samples / 2);
    return all[samples / 2];
}

void measure(std::size_t tokens) {
    const kernel::AttentionSize size{.batch = 1, .tokens = tokens, .heads = heads, .width = width};
    const std::size_t channels = size.channels();
    const tessera::Buffer<float> qkv = bench::numbers(tokens * size.row()), dout = bench::numbers(tokens * channels, 2);
    tessera::Buffer<float> o(tokens * channels), dqkv(qkv.size()), largest(tokens * heads), inverse(tokens * heads);
    kernel::AttentionScratch<float> scratch;
    const double before = bench::peak(1);
    const double forward =
        seconds([&] { kernel::attention_forward<float>(size, qkv.data(), o.data(), largest, inverse, scratch); });
    const double backward = seconds([&] {
        kernel::attention_backward<float>(size, qkv.data(), o.data(), dout.data(), dqkv.data(), largest, inverse,
                                          scratch);
    });
    const double peak = (before + bench::peak(1)) / 2;
    // a product of d numbers for each pair of a query and a key that it sees: 2 forward, 5 backward
    const double pairs = 0.5 * static_cast<double>(tokens * (tokens + 1));
    const double product = 2 * pairs * static_cast<double>(channels);
    const std::size_t bytes = (scratch.values.size() + largest.size() + inverse.size()) * sizeof(float);
    std::printf("{\"tokens\": %zu, \"forward_us\": %.1f, \"backward_us\": %.1f, \"forward_peak\": %.3f, "
                "\"backward_peak\": %.3f, \"bytes\": %zu}\n",
                tokens, 1e6 * forward, 1e6 * backward, 2 * product / forward / peak, 5 * product / backward / peak,
                bytes);
    std::fflush(stdout);
}

}  // namespace

int main() {
    for (const std::size_t tokens : {49u, 98u, 196u, 392u, 784u, 1568u, 3136u, 4096u}) measure(tokens);
}
