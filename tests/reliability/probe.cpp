// probe: the run of run.hpp as a process that is measured, killed and resumed; prints the SHA-256 of its final state.
//
//     probe [--threads N] [--host-arena] [--jitter SEED]
//     probe --checkpoint DIR [--every N] [--resume] [--kill-call K [--after]] [--ignore-xfsz]
//     probe cost | probe flips | probe soak --checkpoint DIR
//     probe figures FILE | probe compare FILE FILE

#include "run.hpp"

#include <support/crash_disk.hpp>
#include <support/system_double.hpp>

#include <tessera/core/read_limits.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/train/checkpoints.hpp>

#include <CLI/CLI.hpp>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <memory>
#include <thread>
#include <unistd.h>

namespace {

using namespace reliability;

/// Kills the process before or after the K-th system call, and counts the calls.
struct Kill {
    long at = -1;
    bool after_call = false;
    long calls = 0;

    bool operator()(const char*) {
        if (calls == at && !after_call) ::raise(SIGKILL);
        return false;
    }
    void after(const char*) {
        if (calls++ == at && after_call) ::raise(SIGKILL);
    }
    std::size_t at_most(std::size_t count) const { return std::min<std::size_t>(count, 1 << 14); }
};
using KillFiles = support::SystemDouble<Kill>;

struct Arguments {
    int threads = 2;
    bool host_arena = false, resume = false, after = false, ignore_xfsz = false;
    std::uint64_t jitter = 0, every = 5;
    long pause = 0;
    long kill_call = -1;
    std::string checkpoint;
};

int train(const Arguments& a) {
    // blocks of odd sizes, half of them freed: later allocations have other addresses than in another process
    std::vector<std::unique_ptr<unsigned char[]>> blocks;
    tessera::Rng rng{a.jitter};
    for (int i = 0; a.jitter != 0 && i < 2000; ++i)
        blocks.push_back(std::make_unique<unsigned char[]>(1 + rng.below(40000)));
    for (std::size_t i = 0; i < blocks.size(); i += 2) blocks[i].reset();

    TinyRun run;
    if (a.checkpoint.empty()) {
        run.run(TinyRun::steps, [](std::uint64_t) {});
    } else {
        Kill kill{a.kill_call, a.after};
        tessera::BasicCheckpoints<KillFiles> checkpoints{a.checkpoint, {}, KillFiles{kill}};
        if (a.resume) {
            if (auto last = checkpoints.newest()) {
                run.load(last->file);
                std::fprintf(stderr, "resumed at step %llu\n", static_cast<unsigned long long>(last->step));
            }
        }
        run.run(TinyRun::steps, [&](std::uint64_t step) {
            if (a.pause != 0) std::this_thread::sleep_for(std::chrono::milliseconds{a.pause});
            if (step % a.every != 0) return;
            try {
                checkpoints.save(step, run.collect());
            } catch (const tessera::IoError& e) {
                std::fprintf(stderr, "not saved: %s\n", e.what());
            }
        });
        std::fprintf(stderr, "calls %ld\n", kill.calls);
    }
    std::printf("%s\n", run.sha256().c_str());
    return 0;
}

/// Some KiB of a state.
struct Numbers {
    tessera::Param<float, tessera::Shape<60, 50>> values;
    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("values", m.values...);
    }
};

/// A checkpoint of some KiB with each bit flipped, of every shorter and of some longer lengths: how many are accepted?
int flips() {
    support::CrashDisk disk;
    tessera::BasicCheckpoints<support::CrashFiles> checkpoints{"run", {}, support::CrashFiles{&disk}};
    Numbers part;
    tessera::Rng rng{1};
    for (float& w : part.values.span()) w = rng.normal();
    checkpoints.save(3, tessera::io::collect(part));
    tessera::Bytes& bytes = disk.at(checkpoints.folder() + "/step-000000000003.safetensors");
    const tessera::Bytes whole = bytes;
    std::size_t tried = 0, accepted = 0;
    const auto load = [&] {
        ++tried;
        try {
            static_cast<void>(checkpoints.newest());
            ++accepted;
        } catch (const tessera::FormatError&) {
        }
    };
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        bytes[bit / 8] = static_cast<unsigned char>(whole[bit / 8] ^ 1 << bit % 8);
        load();
        bytes[bit / 8] = whole[bit / 8];
    }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        bytes.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        load();
    }
    for (std::size_t more = 1; more <= 16; ++more) {
        bytes = whole;
        bytes.resize(whole.size() + more);
        load();
    }
    bytes = whole;
    std::printf("%zu bytes, %zu damaged files, %zu accepted, the whole one %s\n", whole.size(), tried, accepted,
                checkpoints.newest() ? "loads" : "is refused");
    return accepted != 0;
}

/// Results that may differ between instruction sets: outputs and gradients of one batch at the initial weights, tokens,
/// losses.
struct Figures {
    static constexpr std::size_t images = 64;
    tessera::Param<float, tessera::Shape<images * 64>> outputs;
    tessera::Param<float, tessera::Shape<images * Vae::tokens>> codes;
    tessera::Param<float, tessera::Shape<20000>> gradients;
    tessera::Param<double, tessera::Shape<Log::steps>> losses;
    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("outputs", m.outputs...);
        f("codes", m.codes...);
        f("gradients", m.gradients...);
        f("losses", m.losses...);
    }
};

int figures(const std::string& path) {
    Figures f;
    tessera::Rng rng{5};
    const Vae vae{rng};
    const auto data = bars(Figures::images);
    auto order = tessera::batches(data, Figures::images, {.shuffle = false});
    const auto first = *order.begin();
    std::ranges::copy(vae.reconstruct(first.x).span(), f.outputs.data());
    std::ranges::copy(vae.encode(data).view().span(), f.codes.data());
    Vae::Workspace workspace;
    Vae::Params grad;
    vae.loss_and_grad(first.x, workspace, grad);
    std::size_t at = 0;
    Vae::Params::each(
        [&](const tessera::ParamPath&, const auto& leaf) {
            std::ranges::copy(leaf.span(), f.gradients.data() + at);
            at += leaf.span().size();
        },
        grad);
    TinyRun run;
    run.run(TinyRun::steps, [](std::uint64_t) {});
    std::ranges::copy(run.log().loss.span(), f.losses.data());
    tessera::io::save(path, f);
    return 0;
}

int compare(const std::string& one, const std::string& other) {
    Figures a, b;
    tessera::io::load(one, a);
    tessera::io::load(other, b);
    double output = 0, difference = 0, length = 0, same = 0, loss = 0;
    for (std::size_t i = 0; i < a.outputs.span().size(); ++i)
        output = std::max(output, static_cast<double>(std::abs(a.outputs[i] - b.outputs[i])));
    for (std::size_t i = 0; i < a.gradients.span().size(); ++i) {
        const double x = static_cast<double>(a.gradients[i]), y = static_cast<double>(b.gradients[i]);
        difference += (x - y) * (x - y);
        length += x * x;
    }
    for (std::size_t i = 0; i < a.codes.span().size(); ++i) same += a.codes[i] == b.codes[i] ? 1 : 0;
    for (const std::size_t i : {TinyRun::stage - 1, TinyRun::steps - 1})
        loss = std::max(loss, std::abs(a.losses[i] / b.losses[i] - 1));
    const double gradient = std::sqrt(difference / length), agree = same / static_cast<double>(a.codes.span().size());
    std::printf("outputs %.1e, gradients %.1e, codes %.2f %%, losses %.2f %%\n", output, gradient, 100 * agree,
                100 * loss);
    return output > 1e-4 || gradient > 1e-5 || agree < 0.999 || loss > 0.01;
}

/// Processor seconds until a header with this text is refused or read, so that the load of the machine does not count.
double seconds_of(const std::string& text, const tessera::ReadLimits& limits) {
    tessera::Bytes bytes(8);
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(text.size() >> 8 * i);
    bytes.insert(bytes.end(), text.begin(), text.end());
    const std::clock_t begun = std::clock();
    try {
        tessera::io::SafetensorsFile{std::move(bytes), "header", limits};
    } catch (const tessera::FormatError& e) {
        std::fprintf(stderr, "%s\n", e.what());
    }
    return static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
}
std::string entries(std::size_t count) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i)
        text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    return text + "}";
}
/// What a header can cost at most. Eight times the entries may take 24 times as long (sorting, caches), not 64 times.
int cost() {
    const tessera::ReadLimits many{.tensors = 2'000'000};
    const double spaces = seconds_of(std::string(100'000'000, ' '), {}), eighth = seconds_of(entries(125'000), many),
                 whole = seconds_of(entries(1'000'000), many), deep = seconds_of(std::string(50'000'000, '['), {}),
                 nested = seconds_of("{\"a\":" + std::string(50'000'000, '['), {});
    std::printf("spaces %.2f s, 125,000 entries %.2f s, 1,000,000 entries %.2f s, brackets %.3f s and %.3f s\n", spaces,
                eighth, whole, deep, nested);
    return spaces >= 1 || whole >= 5 || whole > 24 * eighth || deep > 0.5 || nested > 0.5;
}

std::size_t resident_kib() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t all = 0, resident = 0;
    file >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}
std::size_t open_files() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) ++count;
    return count;
}

/// 10,000 steps and 200 saves: does anything grow?
int soak(const std::string& folder) {
    TinyRun first;
    first.run(TinyRun::steps, [](std::uint64_t) {});
    tessera::Rng rng{5};
    Vae vae{rng};
    tessera::Trainer trainer{vae, tessera::AdamW{vae}, {.clip_norm = 1}};
    const auto data = bars(192);
    std::size_t heap_500 = 0, heap_5000 = 0, resident_1000 = 0;
    std::uint64_t pass = 0;
    auto order = tessera::batches(data, 48, {.rng = tessera::Rng{pass}});
    while (trainer.steps() < 10000) {
        for (auto&& b : order) trainer.step(b);
        if (trainer.steps() == 500) heap_500 = ::mallinfo2().uordblks;
        if (trainer.steps() == 1000) resident_1000 = resident_kib();
        if (trainer.steps() == 5000) heap_5000 = ::mallinfo2().uordblks;
    }
    const std::size_t resident_10000 = resident_kib();
    tessera::Checkpoints checkpoints{folder};
    checkpoints.save(1, tessera::io::collect(trainer));
    const std::size_t files = open_files();
    for (std::uint64_t i = 2; i <= 201; ++i) checkpoints.save(i, tessera::io::collect(trainer));
    const std::size_t files_after = open_files();
    std::printf("heap %+lld B from step 500 to 5000, resident %+lld KiB from step 1000 to 10000, open files %+lld in "
                "200 saves\n",
                static_cast<long long>(heap_5000) - static_cast<long long>(heap_500),
                static_cast<long long>(resident_10000) - static_cast<long long>(resident_1000),
                static_cast<long long>(files_after) - static_cast<long long>(files));
    return heap_5000 != heap_500 || resident_10000 > resident_1000 + 1024 || files_after != files;
}

}  // namespace

int main(int argc, char** argv) {
    Arguments a;
    CLI::App app{"The run of the scorecard; prints the SHA-256 of its last state."};
    app.add_option("--threads", a.threads);
    app.add_flag("--host-arena", a.host_arena, "inside a task of a host's arena, next to other tasks");
    app.add_option("--jitter", a.jitter, "other addresses for each seed");
    app.add_option("--checkpoint", a.checkpoint);
    app.add_option("--every", a.every);
    app.add_option("--pause", a.pause, "milliseconds after each step: room for a kill");
    app.add_flag("--resume", a.resume);
    app.add_option("--kill-call", a.kill_call);
    app.add_flag("--after", a.after, "kill after that call, not before it");
    app.add_flag("--ignore-xfsz", a.ignore_xfsz);
    auto* flips_command = app.add_subcommand("flips");
    auto* soak_command = app.add_subcommand("soak");
    std::string one, other;
    auto* cost_command = app.add_subcommand("cost");
    auto* figures_command = app.add_subcommand("figures");
    figures_command->add_option("file", one)->required();
    auto* compare_command = app.add_subcommand("compare");
    compare_command->add_option("one", one)->required();
    compare_command->add_option("other", other)->required();
    CLI11_PARSE(app, argc, argv);
    if (a.ignore_xfsz) std::signal(SIGXFSZ, SIG_IGN);
    try {
        if (*flips_command) return flips();
        if (*cost_command) return cost();
        if (*figures_command) return figures(one);
        if (*compare_command) return compare(one, other);
        // by default oneTBB uses no more threads than cores
        const tbb::global_control more{tbb::global_control::max_allowed_parallelism, 8};
        tbb::task_arena arena{a.threads};
        if (*soak_command) return arena.execute([&] { return soak(a.checkpoint); });
        if (!a.host_arena) return arena.execute([&] { return train(a); });
        int result = 1;
        double noise = 0;
        arena.execute([&] {
            tbb::task_group group;
            for (int i = 0; i < 20; ++i)
                group.run([&noise, i] {
                    double x = i;
                    for (int k = 0; k < 2'000'000; ++k) x = x * 0.999 + 1;
                    if (i == 0) noise = x;
                });
            group.run([&] { result = train(a); });
            group.wait();
        });
        return noise < 0 ? 2 : result;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "probe: %s\n", e.what());
        return 3;
    }
}
