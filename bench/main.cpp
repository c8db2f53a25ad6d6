// The benchmarks. Run by hand this is an ordinary Google Benchmark:
//
//     tessera_bench --benchmark_filter=gemm/ --benchmark_repetitions=5 --benchmark_enable_random_interleaving
//
// `figure` is the row's result in the unit of its label, `fraction_of_peak` the share of the FMA peak of the same
// moment. bench/run.py, which also runs the peers, uses two more options:
//
//     --threads=1,2      thread counts for the rows that run on several threads
//     --list, --serve    see support/serve.hpp

#include <bench/rows.hpp>
#include <bench/support/serve.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {
std::vector<std::size_t> parse_threads(std::string_view list) {
    std::vector<std::size_t> threads;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        threads.push_back(std::strtoul(std::string{list.substr(0, comma)}.c_str(), nullptr, 10));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    std::erase(threads, std::size_t{0});
    return threads;
}
}  // namespace

int main(int argc, char** argv) {
    constexpr std::string_view threads_option = "--threads=";
    bool list = false, serving = false;
    std::vector<std::size_t> threads{1, 2};
    std::vector<char*> rest;
    for (int i = 0; i < argc; ++i) {
        const std::string_view argument{argv[i]};
        if (argument == "--list")
            list = true;
        else if (argument == "--serve")
            serving = true;
        else if (argument.starts_with(threads_option))
            threads = parse_threads(argument.substr(threads_option.size()));
        else
            rest.push_back(argv[i]);
    }
    int count = static_cast<int>(rest.size());
    rest.push_back(nullptr);
    benchmark::Initialize(&count, rest.data());
    if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 1;

    bench::Rows rows{threads};
    bench::add_gemm(rows);
    bench::add_nearest_vector(rows);
    bench::add_kmeans(rows);
    bench::add_convolution(rows);
    bench::add_attention(rows);
    bench::add_elementwise(rows);
    bench::add_vq_vae_small(rows);
    bench::add_vq_vae_std(rows);
    bench::add_vq_vae_image(rows);
    bench::add_quantizers(rows);
    bench::add_study_quantizers(rows);
    bench::add_gpt_small(rows);
    bench::add_gpt_std(rows);
    bench::add_gpt_context(rows);
    bench::add_vq_vae_codes(rows);
    bench::add_gpt_samples(rows);

    if (list)
        bench::print_list(rows);
    else if (serving)
        bench::serve(rows);
    else
        benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
