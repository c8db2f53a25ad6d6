#include "options.hpp"

#include "system.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>

#include <tessera/version.hpp>

#ifndef DIGITS_BUNDLED
#define DIGITS_BUNDLED "examples/data"
#endif

namespace digits {

const char* name(Preset preset) { return preset == Preset::small ? "small" : "std"; }
const Recipe& recipe(Preset preset) { return preset == Preset::small ? small_recipe : std_recipe; }

namespace {

// Checks look at the text of an option before it is converted, so that every message has one form.
auto whole(std::uint64_t least, std::uint64_t most) {
    return [=](const std::string& text) -> std::string {
        std::uint64_t n = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, n);
        if (error == std::errc{} && stop == end && n >= least && n <= most) return {};
        const std::string range = most == std::numeric_limits<std::uint64_t>::max()
                                      ? "of at least " + std::to_string(least)
                                      : "from " + std::to_string(least) + " to " + std::to_string(most);
        return "expected a whole number " + range + ", got " + text;
    };
}
auto number(double above, double most, const char* range) {
    return [=](const std::string& text) -> std::string {
        double x = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, x);
        if (error == std::errc{} && stop == end && x > above && x <= most) return {};
        return std::string{"expected a number "} + range + ", got " + text;
    };
}
std::string not_empty(const std::string& text) { return text.empty() ? "expected a path, got nothing" : ""; }

constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();

std::string both(std::size_t small, std::size_t large) {
    return small == large ? std::to_string(small) : std::to_string(small) + ", std " + std::to_string(large);
}

}  // namespace

Options parse(int argc, char** argv) {
    Options o;
    o.bundled = DIGITS_BUNDLED;
    o.threads = usable_cores();

    CLI::App app{
        "Learns to draw digits, on the CPU and in minutes.\n\n"
        "Stage 1 trains a VQ-VAE: an image of 28 x 28 pixels becomes 7 x 7 codes of a learned codebook, and back.\n"
        "Stage 2 trains a GPT on these codes; it then writes new ones, which stage 1 turns into new digits.",
        "digits"};
    app.get_formatter()->column_width(28);
    app.get_formatter()->label("TEXT", "");
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.set_help_flag("-h,--help", "This text")->group("Other");
    app.set_version_flag("--version",
                         std::to_string(TESSERA_VERSION_MAJOR) + '.' + std::to_string(TESSERA_VERSION_MINOR) + '.' +
                             std::to_string(TESSERA_VERSION_PATCH))
        ->group("Other");

    const auto& small = small_recipe;
    const auto& large = std_recipe;

    app.add_option("--data", o.data,
                   "What to learn from: a folder with the four IDX files of MNIST or a set like it, plain or .gz;\n"
                   "or with PNG and JPEG images, loose or in one subfolder for each class; they become 28 x 28 gray\n"
                   "(default: 10,000 digits that come with the program)")
        ->type_name("DIR")->check(not_empty, "", "")->group("Data");
    app.add_option("--limit", o.limit, "Use only N images for training, and at most N for testing (default: all)")
        ->type_name("N")->check(whole(2, any), "", "")->group("Data");
    app.add_option("--bundled", o.bundled, "Where digits-train.png and digits-test.png are")
        ->type_name("DIR")->check(not_empty, "", "")->group("Data");

    std::string preset;
    auto* preset_option =
        app.add_option("--preset", preset,
                       "small: 64 channels, 256 codes, GPT of 4 layers and width 128\n"
                       "std:   128 channels, 512 codes, GPT of 6 layers and width 256; about five times the work\n"
                       "(default: small, or what the file of --load is)")
            ->type_name("small|std")
            ->check([](const std::string& s) -> std::string {
                return s == "small" || s == "std" ? "" : "expected small or std, got " + s;
            }, "", "")
            ->group("Training");
    const auto defaults_for_bundled = [&](std::size_t a, std::size_t b) {
        return " (default: " + both(a, b) + " for\nthe bundled digits, fewer for larger sets)";
    };
    std::size_t epochs_vqvae = 0, epochs_prior = 0, batch = 0;
    auto* epochs_vqvae_option =
        app.add_option("--epochs-vqvae", epochs_vqvae,
                       "Passes of stage 1 over the images" +
                           defaults_for_bundled(small.vqvae.epochs(10'000), large.vqvae.epochs(10'000)))
            ->type_name("N")->check(whole(1, 100'000), "", "")->group("Training");
    auto* epochs_prior_option =
        app.add_option("--epochs-prior", epochs_prior,
                       "Passes of stage 2 over the codes" +
                           defaults_for_bundled(small.prior.epochs(10'000), large.prior.epochs(10'000)))
            ->type_name("N")->check(whole(1, 100'000), "", "")->group("Training");
    auto* batch_option =
        app.add_option("--batch", batch,
                       "Images in one step of either stage (default: " + std::to_string(small.vqvae.batch) +
                           " in stage 1, " + std::to_string(small.prior.batch) + " in stage 2)")
            ->type_name("N")->check(whole(1, 65'536), "", "")->group("Training");
    auto* seed_option =
        app.add_option("--seed", o.seed, "Another seed, another run; the same seed gives the same bits (default: 1)")
            ->type_name("N")->check(whole(0, any), "", "")->group("Training");
    (void)seed_option;
    app.add_option("--threads", o.threads,
                   "Threads; their number changes the time and nothing else (default here: " +
                       std::to_string(o.threads) + ")")
        ->type_name("N")->check(whole(1, 1024), "", "")->group("Training");

    std::size_t label = 0, top_k = 0;
    float temperature = 0, top_p = 0;
    app.add_option("--samples", o.samples, "How many images to draw; one row of samples.png for each class (default: 100)")
        ->type_name("N")->check(whole(1, 100'000), "", "")->group("Sampling");
    auto* label_option = app.add_option("--label", label, "Draw this class only: 3, a three (default: each in turn)")
                             ->type_name("C")->check(whole(0, 65'535), "", "")->group("Sampling");
    auto* temperature_option =
        app.add_option("--temperature", temperature,
                       "Below 1: more usual images; above 1: stranger ones (default: " +
                           significant(static_cast<double>(small.temperature)) + ")")
            ->type_name("T")->check(number(0, 100, "above 0, at most 100"), "", "")->group("Sampling");
    auto* top_k_option =
        app.add_option("--top-k", top_k,
                       "Draw each code from the K most probable ones; 0: from all (default: " + both(small.top_k, large.top_k) + ")")
            ->type_name("K")->check(whole(0, 65'536), "", "")->group("Sampling");
    auto* top_p_option =
        app.add_option("--top-p", top_p,
                       "Draw each code from the fewest that hold this much of the probability; 1: from all\n(default: " +
                           significant(static_cast<double>(small.top_p)) + ")")
            ->type_name("P")->check(number(0, 1, "above 0, at most 1"), "", "")->group("Sampling");
    app.add_option("--load", o.load,
                   "Train nothing: draw with the model.safetensors of an earlier run. Only samples.png and\n"
                   "metrics.json are written then")
        ->type_name("FILE")->check(not_empty, "", "")->group("Sampling");

    app.add_option("--out", o.out,
                   "Where the results go (default: out): samples.png, reconstructions.png, codebook.png,\n"
                   "report.html, model.safetensors, metrics.json; files of these names are replaced")
        ->type_name("DIR")->check(not_empty, "", "")->group("Results");

    app.footer(
        "Examples:\n"
        "  digits                                            learn the bundled digits, some minutes on two cores\n"
        "  digits --epochs-vqvae 2 --epochs-prior 1          the same, badly and in a minute\n"
        "  digits --data ~/fashion-mnist --out shirts        the four IDX files of another set\n"
        "  digits --data ~/photos/by-person --preset std     a folder of images, one subfolder for each class\n"
        "  digits --load out/model.safetensors --label 7 --samples 400 --temperature 0.8 --out sevens\n\n"
        "Open report.html in a browser afterwards: everything else is in it.");

    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        throw Stop{0, app.help()};
    } catch (const CLI::CallForVersion& version) {
        throw Stop{0, std::string{"digits, tessera "} + version.what() + '\n'};
    } catch (const CLI::ParseError& error) {
        std::string text = error.what();
        while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
        throw Stop{2, text + " (--help shows all options)"};
    }

    const auto take = [](const CLI::Option* option, auto value, auto& to) {
        if (option->count() != 0) to = value;
    };
    if (preset_option->count() != 0) o.preset = preset == "small" ? Preset::small : Preset::std;
    take(epochs_vqvae_option, epochs_vqvae, o.epochs_vqvae);
    take(epochs_prior_option, epochs_prior, o.epochs_prior);
    take(batch_option, batch, o.batch);
    take(label_option, label, o.label);
    take(temperature_option, temperature, o.temperature);
    take(top_k_option, top_k, o.top_k);
    take(top_p_option, top_p, o.top_p);
    if (!o.load.empty())
        for (const CLI::Option* option : {epochs_vqvae_option, epochs_prior_option, batch_option})
            if (option->count() != 0) o.unused.push_back(option->get_name());
    return o;
}

}  // namespace digits
