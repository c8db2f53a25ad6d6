#include <bench/support/serve.hpp>

#include <tessera/kernel/simd/simd_name.hpp>
#include <tessera/version.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>

namespace bench {
namespace {

/// Stores the result of a run instead of printing it.
class Keep : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs)
            if (run.run_type == Run::RT_Iteration) last = run;
    }
    std::optional<Run> last;
};

double counter(const benchmark::BenchmarkReporter::Run& run, const char* name) {
    const auto it = run.counters.find(name);
    return it == run.counters.end() ? 0 : it->second.value;
}

void answer(const Rows& rows, const std::string& name, const std::string& threads) {
    const auto row = std::ranges::find(rows.list(), name, &Row::name);
    if (row == rows.list().end()) {
        std::printf("{\"error\": \"no such row\"}\n");
        return;
    }
    Keep keep;
    benchmark::RunSpecifiedBenchmarks(&keep, "^" + name + "/threads:" + threads + "/");
    if (!keep.last)
        std::printf("{\"error\": \"not with %s threads\"}\n", threads.c_str());
    else if (row->figure.factor <= 0)
        std::printf("{\"value\": %.9g}\n", counter(*keep.last, "figure"));
    else
        std::printf("{\"seconds\": %.9g, \"fraction\": %.6g, \"peak\": %.6g}\n",
                    keep.last->real_accumulated_time / static_cast<double>(keep.last->iterations),
                    counter(*keep.last, "fraction_of_peak"), counter(*keep.last, "peak_gflops"));
}

std::string compiler() {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "g++ " __VERSION__;
#else
    return "unknown";
#endif
}

}  // namespace

void print_list(const Rows& rows) {
    for (const Row& row : rows.list()) {
        std::printf(
            "{\"name\": \"%s\", \"unit\": \"%s\", \"factor\": %.9g, \"rate\": %s, \"flops\": %.9g, \"alone\": %s, "
            "\"threads\": [",
            row.name.c_str(), row.figure.unit.c_str(), row.figure.factor, row.figure.rate ? "true" : "false", row.flops,
            row.alone ? "true" : "false");
        const char* comma = "";
        for (const std::size_t n : rows.threads_of(row)) {
            std::printf("%s%zu", comma, n);
            comma = ", ";
        }
        std::printf("]}\n");
    }
}

void serve(const Rows& rows) {
    std::printf(
        "{\"name\": \"tessera\", \"versions\": {\"tessera\": \"%d.%d.%d\", \"compiler\": \"%s\", \"instructions\": "
        "\"%s\", \"Eigen\": \"%d.%d.%d\"}}\n",
        TESSERA_VERSION_MAJOR, TESSERA_VERSION_MINOR, TESSERA_VERSION_PATCH, compiler().c_str(), simd::name(),
        EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words{line};
        std::string name, threads;
        words >> name >> threads;
        answer(rows, name, threads);
        std::fflush(stdout);
    }
}

}  // namespace bench
