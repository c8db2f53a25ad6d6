// digits: the complete program. It trains both stages on a folder of images, draws samples, and writes pictures,
// weights, metrics and a report.
//
//     sh examples/run.sh              sets up, builds and runs it on the bundled digits
//     sh examples/run.sh --help
//
// The files:
//     support/options     the command line            support/recipe    learning rates, batches, epochs
//     support/material    the images                  support/nets      the nets of both presets
//     support/quantizers  the table of --quantizer    support/report    report.html (metrics: metrics.json)
//     support/vae_stage   the first stage             support/prior_stage   the second stage, sampling
//     support/completion  pictures of which a part is known    support/unknown_part   the other part
//     support/run         checkpoints; how a run is stopped and resumed
//     support/codec_run   --encode and --decode
//     support/processes   one process, or the processes of an mpirun
//     support/proportion  sentences on runs that are correct and pointless
//
// The library leaves these to the program: the arena (the number of threads), the output and the files.

#include "support/classes.hpp"
#include "support/codec_run.hpp"
#include "support/job.hpp"
#include "support/options.hpp"
#include "support/processes.hpp"
#include "support/proportion.hpp"
#include "support/quantizer_names.hpp"
#include "support/summary.hpp"
#include "support/system.hpp"
#include "support/text.hpp"
#include "support/unknown_part.hpp"

#include <tessera/core/error.hpp>
#include <tessera/kernel/simd/simd_name.hpp>
#include <tessera/version.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace digits;

namespace {

std::string version() {
    return std::to_string(TESSERA_VERSION_MAJOR) + '.' + std::to_string(TESSERA_VERSION_MINOR) + '.' +
           std::to_string(TESSERA_VERSION_PATCH);
}

// "ant, bee, cow"
std::string list_of(const std::vector<std::string>& classes) {
    constexpr std::size_t most = 10;
    std::string text;
    for (std::size_t c = 0; c < classes.size() && c < most; ++c) text += (c ? ", " : "") + classes[c];
    return classes.size() > most ? text + ", ..." : text;
}

// The class of --label. A name comes first: folders called 0 to 11 are sorted as text, so class 2 is called 10.
std::optional<std::size_t> label_of(const Options& o, const std::vector<std::string>& classes) {
    if (!o.label) return {};
    const std::string& text = *o.label;
    const auto refuse = [&](const std::string& expected) {
        throw tessera::ArgumentError("--label: " + tessera::expected_got(expected, text));
    };
    if (classes.empty()) refuse("none, as there are no classes");
    if (classes.size() > max_classes)
        refuse("none, as the images have " + std::to_string(classes.size()) + " classes and the prior knows at most " +
               std::to_string(max_classes));
    bool numbers = true;  // are the names the numbers of the classes?
    for (std::size_t c = 0; c < classes.size(); ++c) {
        if (classes[c] == text) return c;
        numbers = numbers && classes[c] == std::to_string(c);
    }
    for (std::size_t c = 0; c < classes.size(); ++c)
        if (std::to_string(c) == text) return c;
    const std::string range = "from 0 to " + std::to_string(classes.size() - 1);
    refuse(numbers ? "a class " + range : "a class (" + list_of(classes) + ") or its number " + range);
    return {};
}

// Guidance by default, where the prior will know classes and the null class, or does (`trained_with`).
Recipe recipe_for(Preset preset, Order order, const Options& o, const std::vector<std::string>& classes,
                  std::optional<double> trained_with) {
    Recipe chosen = recipe(preset, order, o);
    const double label_dropout = trained_with.value_or(o.label_dropout.value_or(chosen.label_dropout));
    if (classes.empty() || classes.size() > max_classes || label_dropout <= 0) chosen.drop_guidance();
    return chosen;
}

// Before anything is trained: what the prior will not be able to do. A loaded one says so itself.
void check_guidance(const Options& o, const Recipe& chosen, const std::vector<std::string>& classes) {
    const float guidance = o.guidance.value_or(chosen.guidance);
    if (guidance == 1) return;
    if (classes.empty() || classes.size() > max_classes)
        throw tessera::ArgumentError("--guidance: expected 1, as the prior has no classes, got " +
                                     significant(static_cast<double>(guidance)));
    if (o.label_dropout.value_or(chosen.label_dropout) <= 0)
        throw tessera::ArgumentError(
            "--guidance: expected --label-dropout above 0, such as 0.1: the prior must learn images of any class, too");
}

// `of_prior` is trained or loaded.
void check_passes(const Options& o, Order of_prior) {
    if (o.passes && of_prior == Order::raster)
        throw tessera::ArgumentError(
            "--passes: expected a prior of any order (--order any), as one in raster order draws one token after the "
            "other, got raster");
}

// The part of --complete, if the prior can complete it.
std::optional<UnknownPart> unknown_part(const Options& o, Order of_prior) {
    if (o.complete.empty()) return {};
    UnknownPart unknown{o.unknown};
    if (of_prior == Order::raster && !unknown.is_at_end())
        throw tessera::ArgumentError("--unknown: expected lower, or another part with nothing known after it, as the "
                                     "prior draws row by row from the top (one trained with --order any completes "
                                     "any part), got " +
                                     o.unknown);
    return unknown;
}

void say_hello(const Summary& s, const std::string& data) {
    std::printf("tessera %s, %s, %zu %s, %s\n", s.version.c_str(), s.simd.c_str(), s.options.threads,
                s.options.threads == 1 ? "thread" : "threads", data.c_str());
    std::fflush(stdout);
}

// One cell per token: the centre of each decoded image, away from its borders.
tessera::Bytes codebook_png(const Picture& codes) {
    std::size_t columns = 1;  // at least as many columns as rows, and every row full
    while (columns * columns < codes.batch() || codes.batch() % columns != 0) ++columns;
    return png_grid_of_middles(codes, columns);
}

// Rows of test images, each above the row of their reconstructions.
tessera::Bytes reconstructions_png(const Picture& originals, const Picture& reconstructions) {
    const auto rows = row_lengths(originals.batch(), (originals.batch() + 9) / 10);
    Picture both{2 * originals.batch()};
    std::vector<std::size_t> lengths;
    std::size_t from = 0, to = 0;
    for (const std::size_t length : rows) {
        for (const Picture* half : {&originals, &reconstructions}) {
            for (std::size_t i = 0; i < length; ++i) std::ranges::copy((*half)[from + i], both[to++].begin());
            lengths.push_back(length);
        }
        from += length;
    }
    return png_rows(both, lengths);
}

void run_training(const Options& o, const Stopwatch& watch, Summary& summary, Processes& processes) {
    const Order given = o.order.value_or(Order::raster);
    if (o.order || !o.resume) check_passes(o, given);  // otherwise a checkpoint may have another order
    const Material material = load_material(o);
    const std::optional<std::size_t> label = label_of(o, material.class_names());
    const Output output{o.out, !is_first(processes)};
    output.check({"samples.png", "reconstructions.png", "codebook.png", "report.html", model_file, "metrics.json"});

    summary.data = material.description;
    summary.train_images = material.train.size();
    summary.test_images = material.test.size();
    say_hello(summary, material.description + ": " + grouped(material.train.size()) + " for training, " +
                           grouped(material.test.size()) + " for testing");
    for (const std::string& note : material.notes) std::printf("%s\n", note.c_str());

    const Preset preset = o.preset.value_or(Preset::small);
    Recipe chosen = recipe_for(preset, given, o, material.class_names(), {});
    check_guidance(o, chosen, material.class_names());
    summary.content = describe_data(material);
    summary.warnings = warnings(o, chosen, material);
    std::printf("%s\n", summary.content.c_str());
    for (const std::string& warning : summary.warnings) std::printf("note: %s\n", warning.c_str());
    Run run{o, material, processes};
    const Order order = run.order();
    check_passes(o, order);
    chosen = recipe_for(preset, order, o, material.class_names(), {});
    const std::string quantizer = o.quantizer.value_or(quantizer_names().front().name);
    const Job job{o, preset, quantizer, order, chosen, output, run, processes, {}, label};
    const Outcome outcome = train(job, material);
    if (std::string few = too_few_images(material.train.size(), outcome.stage1->codes); !few.empty())
        summary.warnings.push_back(std::move(few));

    const Pngs pngs{png_rows(outcome.samples, outcome.sample_rows),
                    reconstructions_png(outcome.originals, outcome.reconstructions), codebook_png(outcome.codebook)};
    output.write("samples.png", pngs.samples);
    output.write("reconstructions.png", pngs.reconstructions);
    output.write("codebook.png", pngs.codebook);
    summary.peak_rss_mib = peak_memory_mib();
    summary.seconds_total = watch.seconds();
    output.write("report.html", report_html(summary, outcome, pngs));
    output.write("metrics.json", metrics_json(summary, outcome));
    std::printf("done in %.1f s: %s holds report.html, samples.png, model.safetensors and more\n",
                summary.seconds_total, output.folder().c_str());
}

void run_sampling(const Options& o, const Stopwatch& watch, Summary& summary, Processes& processes) {
    const ModelFacts facts = read_model_facts(o.load);
    if (o.preset && *o.preset != facts.preset)
        throw tessera::ArgumentError("--load: " + o.load + ": expected a model of preset " + name(*o.preset) +
                                     ", got one of " + name(facts.preset));
    if (o.quantizer && *o.quantizer != facts.quantizer)
        throw tessera::ArgumentError("--load: " + o.load + ": expected a model with the quantizer " + *o.quantizer +
                                     ", got one with " + facts.quantizer);
    if (o.order && *o.order != facts.order)
        throw tessera::ArgumentError("--load: " + o.load + ": expected a model trained with --order " + name(*o.order) +
                                     ", got one trained with --order " + name(facts.order));
    check_passes(o, facts.order);
    std::optional<UnknownPart> unknown = unknown_part(o, facts.order);
    const std::optional<std::size_t> label = label_of(o, facts.class_names);
    const Output output{o.out, !is_first(processes)};
    const char* const picture = o.complete.empty() ? "samples.png" : "completions.png";
    output.check({picture, "metrics.json"});
    say_hello(summary, "model " + o.load + " (preset " + name(facts.preset) + ", quantizer " + facts.quantizer +
                           (facts.order == Order::any ? ", any order)" : ")"));
    for (const std::string& unused : o.unused) std::printf("%s has no effect: nothing is trained\n", unused.c_str());

    Run run;
    const Recipe chosen = recipe_for(facts.preset, facts.order, o, facts.class_names, facts.label_dropout);
    const Job job{o,      facts.preset, facts.quantizer, facts.order,        chosen,
                  output, run,          processes,       std::move(unknown), label};
    const Outcome outcome = sample(job, facts.class_names);
    output.write(picture, png_rows(outcome.samples, outcome.sample_rows));
    summary.peak_rss_mib = peak_memory_mib();
    summary.seconds_total = watch.seconds();
    output.write("metrics.json", metrics_json(summary, outcome));
    std::printf("done in %.1f s: %s holds %s and metrics.json\n", summary.seconds_total, output.folder().c_str(),
                picture);
}

// Prints the message and returns the exit code. With several processes the others would wait for this one for ever, so
// it aborts the job.
int refuse(const std::string& why, Processes& processes, int code = 1) {
    std::fflush(stdout);
    if (processes.size() == 1) {
        std::fprintf(stderr, "digits: %s\n", why.c_str());
        return code;
    }
    std::fprintf(stderr, "digits: rank %zu of %zu: %s\n", processes.rank(), processes.size(), why.c_str());
    std::fflush(stderr);
#ifdef DIGITS_MPI
    processes.abort(code);
#endif
    return code;
}

int run(int argc, char** argv, Processes& processes) {
    const Stopwatch watch;
    try {
        if (!is_first(processes) && !std::freopen("/dev/null", "w", stdout)) return refuse("no /dev/null", processes);
        const Options options = parse(argc, argv);
        Summary summary{options, version(), tessera::kernel::simd::name(), {}, 0, 0, 0, 0, {}, {}};
        // The library runs in the arena that calls it; by default oneTBB allows no more threads than there are cores.
        const tbb::global_control threads{tbb::global_control::max_allowed_parallelism, options.threads};
        tbb::task_arena arena{static_cast<int>(options.threads)};
        arena.execute([&] {
            if (options.load.empty())
                run_training(options, watch, summary, processes);
            else if (!options.encode.empty() || !options.decode.empty())
                run_codec(options, Output{options.out, !is_first(processes)});
            else
                run_sampling(options, watch, summary, processes);
        });
    } catch (const Stop& stop) {
        if (stop.code == 0) return std::fputs(stop.text.c_str(), stdout) < 0 || std::fflush(stdout) != 0;
        // all processes have the same command line: one message is enough
        std::fflush(stdout);
        if (is_first(processes)) std::fprintf(stderr, "digits: %s\n", stop.text.c_str());
        return stop.code;
    } catch (const std::bad_alloc&) {
        return refuse("out of memory", processes);
    } catch (const std::exception& error) {
        return refuse(error.what(), processes);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef SIGXFSZ
    std::signal(SIGXFSZ, SIG_IGN);  // a file above the limit (ulimit -f) is an error of its write, with a sentence
#endif
    try {
        Processes processes;
        return run(argc, argv, processes);
    } catch (const std::exception& error) {  // MPI could not be initialised
        std::fprintf(stderr, "digits: %s\n", error.what());
        return 1;
    }
}
