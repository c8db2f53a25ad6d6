#pragma once
// Row: one line of the results. Rows: all of them, registered with Google Benchmark and listed for bench/run.py.
//
//     rows.add({.name = "gelu", .figure = nanoseconds_per("element", n)}, Threads::one,
//              [](Meter& meter) { ...data...; meter.time([&] { gelu_forward<float>(x, y); }); });
//
// A body makes its data and passes one call to the meter, which runs it once to warm up and then as often as Google
// Benchmark requests, in an arena with the given number of threads, and measures the peak before and after. A peer
// inside this executable has a separate row: "eigen/" and the name of the row that it is compared with.

#include <bench/support/peak.hpp>

#include <tessera/core/fp_environment.hpp>

#include <benchmark/benchmark.h>
#include <tbb/task_arena.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Converts the seconds of one call into the figure of the row: factor / seconds, or factor * seconds. A row that does
/// not measure time (a count, memory) has factor 0.
struct Figure {
    std::string unit;
    double factor = 0;
    bool rate = false;
};
inline Figure per_second(std::string unit, double amount) { return {std::move(unit) + "/s", amount, true}; }
inline Figure gflops(double flops) { return {"GFLOP/s", flops * 1e-9, true}; }
inline Figure nanoseconds_per(const std::string& what, double amount) { return {"ns/" + what, 1e9 / amount, false}; }
inline Figure microseconds(std::string unit = "us", double amount = 1) {
    return {std::move(unit), 1e6 / amount, false};
}
inline Figure plain(std::string unit) { return {std::move(unit)}; }

struct Row {
    std::string name;
    Figure figure;
    double flops = 0;       ///< per call, for the share of the peak; 0: no share
    bool alone = false;     ///< needs a separate process
    bool parallel = false;  ///< is measured with every requested number of threads
};

class Meter {
public:
    Meter(benchmark::State& state, const Row& row)
        : state_{&state}, row_{&row}, threads_{static_cast<std::size_t>(state.range(0))} {}

    std::size_t threads() const { return threads_; }

    template <class F>
    void time(F call) {
        const tessera::FlushDenormals guard;  // as around every task of the library
        tbb::task_arena arena{static_cast<int>(threads_)};
        double before = 0;
        arena.execute([&] {
            call();
            before = peak(threads_);
            for (auto _ : *state_) {
                call();
                benchmark::ClobberMemory();
            }
        });
        const double at_peak = (before + peak(threads_)) / 2;
        using benchmark::Counter;
        constexpr auto each = Counter::kIsIterationInvariantRate;
        const Figure& figure = row_->figure;
        state_->counters["figure"] = figure.rate ? Counter{figure.factor, each}
                                                 : Counter{1 / figure.factor, Counter::Flags(each | Counter::kInvert)};
        state_->counters["peak_gflops"] = at_peak * 1e-9;
        if (row_->flops > 0) state_->counters["fraction_of_peak"] = Counter{row_->flops / at_peak, each};
        state_->SetLabel(figure.unit);
    }
    /// For rows that do not measure time: call() returns the figure.
    template <class F>
    void value(F call) {
        tbb::task_arena arena{static_cast<int>(threads_)};
        double result = 0;
        for (auto _ : *state_) arena.execute([&] { result = call(); });
        state_->counters["figure"] = result;
        state_->SetLabel(row_->figure.unit);
    }

private:
    benchmark::State* state_;
    const Row* row_;
    std::size_t threads_;
};

class Rows {
public:
    explicit Rows(std::vector<std::size_t> threads) : threads_{std::move(threads)} {}

    template <class F>
    void add(Row row, F body) {
        list_.push_back(row);
        auto* entry = benchmark::RegisterBenchmark(row.name.c_str(), [row, body](benchmark::State& state) {
            Meter meter{state, row};
            body(meter);
        });
        entry->ArgName("threads")->UseRealTime()->Unit(benchmark::kMicrosecond);
        if (row.figure.factor <= 0) entry->Iterations(1);
        for (const std::size_t n : threads_of(row)) entry->Arg(static_cast<std::int64_t>(n));
    }
    const std::vector<Row>& list() const { return list_; }
    std::vector<std::size_t> threads_of(const Row& row) const {
        return row.parallel ? threads_ : std::vector<std::size_t>{1};
    }

private:
    std::vector<std::size_t> threads_;
    std::vector<Row> list_;
};

}  // namespace bench
