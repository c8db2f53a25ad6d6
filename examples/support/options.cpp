#include "options.hpp"

#include "quantizer_names.hpp"
#include "system.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <tessera/version.hpp>

#ifndef DIGITS_BUNDLED
#define DIGITS_BUNDLED "examples/data"
#endif

namespace digits {

const char* name(Preset preset) { return preset == Preset::small ? "small" : "std"; }
const char* name(Order order) { return order == Order::raster ? "raster" : "any"; }

Recipe recipe(Preset preset, Order order, const Options& options) {
    Recipe r = preset == Preset::small ? small_recipe : std_recipe;
    if (order == Order::any) r.use_any_order();
    const auto set_rate = [](Recipe::Stage& stage, const std::optional<double>& lr) {
        if (!lr) return;
        stage.lr_end *= *lr / stage.lr;  // the schedule keeps its shape
        stage.lr = *lr;
    };
    set_rate(r.vqvae, options.lr_vqvae);
    set_rate(r.prior, options.lr_prior);
    r.vqvae.clip_norm = options.clip_norm.value_or(r.vqvae.clip_norm);
    r.prior.clip_norm = options.clip_norm.value_or(r.prior.clip_norm);
    return r;
}

namespace {

// Checks read the text of an option before it is converted, so that all messages have one form.
auto whole(std::uint64_t least, std::uint64_t most) {
    return [=](const std::string& text) -> std::string {
        // CLI11 would read it as an octal number
        if (text.size() > 1 && text[0] == '0') return "expected a whole number without a leading 0, got " + text;
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
auto number(double least, double most, const char* range) {
    return [=](const std::string& text) -> std::string {
        double x = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, x);
        if (error == std::errc{} && stop == end && x >= least && x <= most) return {};
        return std::string{"expected a number "} + range + ", got " + text;
    };
}
std::string not_empty(const std::string& text) { return text.empty() ? "expected a path, got nothing" : ""; }

constexpr double above_0 = std::numeric_limits<double>::denorm_min();
constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();

// Descriptions are wrapped here, so that the text fits in 80 columns whatever CLI11 does.
std::string help(const std::string& text) {
    constexpr std::size_t width = 55;
    std::string out;
    std::size_t column = 0, at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        if (column != 0 && column + 1 + end - at > width) {
            out += '\n';
            column = 0;
        } else if (column != 0) {
            out += ' ';
            ++column;
        }
        out.append(text, at, end - at);
        column += end - at;
        at = end + 1;
    }
    return out;
}

std::string both(std::size_t small, std::size_t large) {
    return small == large ? std::to_string(small) : std::to_string(small) + ", std " + std::to_string(large);
}

}  // namespace

Options parse(int argc, char** argv) {
    Options o;
    o.bundled = DIGITS_BUNDLED;
    o.threads = usable_cores();

    CLI::App app{"Trains a generative model of digits on the CPU, in minutes.\n\n"
                 "Stage 1 trains a VQ-VAE, which encodes an image of 28 x 28 pixels as 7 x 7\n"
                 "tokens, indices into a codebook, and decodes them again. Stage 2 trains a GPT\n"
                 "on the tokens. New images are sampled from the GPT and decoded by stage 1.\n",
                 "digits"};
    app.get_formatter()->column_width(24);
    app.get_formatter()->label("TEXT", "");
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    const auto& small = small_recipe;
    const auto& large = std_recipe;

    auto* data_option =
        app.add_option("--data", o.data,
                       help("A folder with the four IDX files of MNIST or a similar set, plain or .gz; "
                            "or with PNG and JPEG images, directly in it or in one subfolder per class, "
                            "which are converted to 28 x 28 gray (default: the 10,000 bundled digits)"))
            ->type_name("DIR")
            ->check(not_empty, "", "")
            ->group("Data");
    auto* limit_option = app.add_option("--limit", o.limit,
                                        help("Use only N images for training and at most N for testing (default: all)"))
                             ->type_name("N")
                             ->check(whole(2, any), "", "")
                             ->group("Data");
    auto* skip_bad_option =
        app.add_option("--skip-bad", o.skip_bad,
                       help("Skip damaged PNG and JPEG files of --data, up to this share of all files, and "
                            "report how many were skipped; 0.01: one in a hundred (default: 0, the first "
                            "damaged file ends the run)"))
            ->type_name("SHARE")
            ->check(number(0, 1, "from 0 to 1"), "", "")
            ->group("Data");
    app.add_option("--bundled", o.bundled, help("The folder of digits-train.png and digits-test.png"))
        ->type_name("DIR")
        ->check(not_empty, "", "")
        ->group("Data");

    std::string preset;
    auto* preset_option =
        app.add_option("--preset", preset,
                       help("small: 64 channels, a codebook of 256, a GPT of 4 layers and width 128") + '\n' +
                           help("std: 128 channels, a codebook of 512, a GPT of 6 layers and width 256; "
                                "about five times the work") +
                           '\n' + help("(default: small, or the preset of the --load file)"))
            ->type_name("NAME")
            ->check(
                [](const std::string& s) -> std::string {
                    return s == "small" || s == "std" ? "" : "expected small or std, got " + s;
                },
                "", "")
            ->group("Training");
    std::string quantizer, about_quantizers;
    for (const QuantizerName& q : quantizer_names()) about_quantizers += help(q.name + ": " + q.help) + '\n';
    auto* quantizer_option =
        app.add_option("--quantizer", quantizer,
                       about_quantizers + help("(default: " + quantizer_names().front().name +
                                               ", or the quantizer of the --load file)"))
            ->type_name("NAME")
            ->check(
                [](const std::string& s) -> std::string {
                    return find_quantizer(s) ? "" : "expected " + list_of_quantizers() + ", got " + s;
                },
                "", "")
            ->group("Training");
    std::string order;
    auto* order_option =
        app.add_option("--order", order,
                       help("raster: the GPT draws the tokens of an image row by row, from the top") + '\n' +
                           help("any: it is trained in random orders, so it draws many tokens in a pass (--passes) and "
                                "completes any part of a picture (--unknown); a step of stage 2 takes twice the "
                                "time, and --encode cannot use it") +
                           '\n' +
                           help("(default: raster, or the order of the --load file, or of the checkpoint that --resume "
                                "continues)"))
            ->type_name("NAME")
            ->check(
                [](const std::string& s) -> std::string {
                    return s == "raster" || s == "any" ? "" : "expected raster or any, got " + s;
                },
                "", "")
            ->group("Training");
    const auto epochs_help = [](const std::string& what, const Recipe::Stage& a, const Recipe::Stage& b) {
        return help(what + " (default: " + both(a.epochs(10'000), b.epochs(10'000)) +
                    " for the bundled digits, fewer for larger sets)");
    };
    std::size_t epochs_vqvae = 0, epochs_prior = 0, batch = 0;
    auto* epochs_vqvae_option =
        app.add_option("--epochs-vqvae", epochs_vqvae, epochs_help("Epochs of stage 1", small.vqvae, large.vqvae))
            ->type_name("N")
            ->check(whole(1, 100'000), "", "")
            ->group("Training");
    auto* epochs_prior_option =
        app.add_option("--epochs-prior", epochs_prior,
                       epochs_help("Epochs of stage 2, " + std::to_string(Recipe::any_order_images / 10'000) +
                                       " with --order any",
                                   small.prior, large.prior))
            ->type_name("N")
            ->check(whole(1, 100'000), "", "")
            ->group("Training");
    auto* batch_option =
        app.add_option("--batch", batch,
                       help("Batch size of both stages (default: " + std::to_string(small.vqvae.batch) + ")"))
            ->type_name("N")
            ->check(whole(1, 65'536), "", "")
            ->group("Training");
    double lr_vqvae = 0, lr_prior = 0, clip_norm = 0;
    const auto rates = [](const char* what, const Recipe::Stage& a, const Recipe::Stage& b) {
        const std::string first = significant(a.lr), second = significant(b.lr);
        return help(what + std::string{" (default: "} + first + (first == second ? "" : ", std " + second) + ")");
    };
    auto* lr_vqvae_option =
        app.add_option("--lr-vqvae", lr_vqvae, rates("Peak learning rate of stage 1", small.vqvae, large.vqvae))
            ->type_name("RATE")
            ->check(number(0, 1, "from 0 to 1"), "", "")
            ->group("Training");
    auto* lr_prior_option =
        app.add_option("--lr-prior", lr_prior,
                       rates("Peak learning rate of the matrices in stage 2, four times that of its other weights",
                             small.prior, large.prior))
            ->type_name("RATE")
            ->check(number(0, 1, "from 0 to 1"), "", "")
            ->group("Training");
    auto* clip_norm_option =
        app.add_option("--clip-norm", clip_norm,
                       help("Clip the global gradient norm of both stages to this; 0: off (default: " +
                            significant(small.vqvae.clip_norm) + ")"))
            ->type_name("NORM")
            ->check(number(0, 1e30, "of at least 0"), "", "")
            ->group("Training");
    double label_dropout = 0;
    auto* label_dropout_option =
        app.add_option("--label-dropout", label_dropout,
                       help("Share of the training images whose class is hidden from the GPT, so that it also learns "
                            "images of any class, which --guidance needs (default: " +
                            significant(small.label_dropout) + "; no effect without classes)"))
            ->type_name("SHARE")
            ->check(number(0, 0.99, "from 0 to 0.99"), "", "")
            ->group("Training");
    app.add_option("--seed", o.seed, help("The same seed gives the same results, bit for bit (default: 1)"))
        ->type_name("N")
        ->check(whole(0, any), "", "")
        ->group("Training");
    app.add_option(
           "--threads", o.threads,
           help("Number of threads; it changes time and memory, never the result; more than the cores are slower "
                "(default here: " +
                std::to_string(o.threads) + ")"))
        ->type_name("N")
        ->check(whole(1, 1024), "", "")
        ->group("Training");

    auto* checkpoint_option =
        app.add_option("--checkpoint", o.checkpoint,
                       help("Save the complete state of the run in this folder, so that --resume can "
                            "continue it; Ctrl-C and SIGTERM then finish the step, save and stop"))
            ->type_name("DIR")
            ->check(not_empty, "", "")
            ->group("Training");
    auto* checkpoint_every_option =
        app.add_option("--checkpoint-every", o.checkpoint_every,
                       help("Steps between checkpoints (default: " + std::to_string(o.checkpoint_every) + ")"))
            ->type_name("N")
            ->check(whole(1, any), "", "")
            ->needs(checkpoint_option)
            ->group("Training");
    auto* resume_option =
        app.add_flag("--resume", o.resume,
                     help("Continue from the newest checkpoint in the folder; the result has the same bits as "
                          "that of an uninterrupted run"))
            ->needs(checkpoint_option)
            ->group("Training");
    auto* accept_option =
        app.add_option("--accept", o.accept,
                       help("With --resume: settings that may differ from the checkpoint; the values of the "
                            "command line are used. Comma-separated: lr, clip_norm, weight_decay, seed, epochs"))
            ->type_name("NAMES")
            ->delimiter(',')
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->check(
                [](const std::string& s) -> std::string {
                    return std::ranges::find(program_settings, s) != program_settings.end()
                               ? ""
                               : "expected lr, clip_norm, weight_decay, seed or epochs, got " + s;
                },
                "", "")
            ->needs(resume_option)
            ->group("Training");

    std::string label;
    std::size_t top_k = 0, passes = 0;
    float temperature = 0, guidance = 0;
    double top_p = 0, min_p = 0;
    auto* samples_option =
        app.add_option("--samples", o.samples,
                       help("Number of images to sample; samples.png has one row per class (default: 100). With "
                            "--complete: of each picture (default: 9)"))
            ->type_name("N")
            ->check(whole(1, 100'000), "", "")
            ->group("Sampling");
    auto* label_option =
        app.add_option("--label", label,
                       help("Sample this class only: its name, such as cat or 3, or, if no class has that name, its "
                            "number from 0 (default: each class in turn)"))
            ->type_name("CLASS")
            ->check([](const std::string& s) { return s.empty() ? "expected a class, got nothing" : ""; }, "", "")
            ->group("Sampling");
    auto* temperature_option =
        app.add_option("--temperature", temperature,
                       help("Softmax temperature; lower: more typical images, less variety; 0: always the most "
                            "probable token (default: " +
                            significant(static_cast<double>(small.temperature)) + ", and 0.9 without guidance)"))
            ->type_name("T")
            ->check(number(0, 100, "from 0 to 100"), "", "")
            ->group("Sampling");
    auto* top_k_option = app.add_option("--top-k", top_k,
                                        help("Sample each token from the K most probable; 0: from all (default: " +
                                             both(small.top_k, large.top_k) + ")"))
                             ->type_name("K")
                             ->check(whole(0, 65'536), "", "")
                             ->group("Sampling");
    auto* top_p_option = app.add_option("--top-p", top_p,
                                        help("Sample each token from the smallest set with this total probability; "
                                             "1: from all (default: " +
                                             significant(small.top_p) + ")"))
                             ->type_name("P")
                             ->check(number(above_0, 1, "above 0, at most 1"), "", "")
                             ->group("Sampling");
    auto* min_p_option =
        app.add_option("--min-p", min_p,
                       help("Sample each token from those at least P times as probable as the most probable one; 0: "
                            "from all (default: " +
                            significant(small.min_p) + ")"))
            ->type_name("P")
            ->check(number(0, 1, "from 0 to 1"), "", "")
            ->group("Sampling");
    auto* guidance_option =
        app.add_option(
               "--guidance", guidance,
               help("Classifier-free guidance: how much the class counts; 1: as trained, in half the time; 1.5 to 3: "
                    "images more typical of their class (default: " +
                    significant(static_cast<double>(small.guidance)) + ", with --order any " +
                    significant(static_cast<double>(Recipe::any_order_guidance)) +
                    ", and 1 for a model without classes or trained with --label-dropout 0)"))
            ->type_name("W")
            ->check(number(0, 100, "from 0 to 100"), "", "")
            ->group("Sampling");
    auto* passes_option =
        app.add_option("--passes", passes,
                       help("With --order any: draw the tokens of an image in N passes, few in the first ones, "
                            "when one token decides on many others, and most in the last; more passes than unknown "
                            "tokens: one after the other (default: " +
                            std::to_string(small.passes) + ")"))
            ->type_name("N")
            ->check(whole(1, 65'536), "", "")
            ->group("Sampling");
    auto* load_option = app.add_option("--load", o.load,
                                       help("Do not train: sample from the model.safetensors of an earlier run; writes "
                                            "only samples.png and metrics.json"))
                            ->type_name("FILE")
                            ->check(not_empty, "", "")
                            ->group("Sampling");
    auto* complete_option =
        app.add_option(
               "--complete", o.complete,
               help("With --load: PNG or JPEG files, separated by commas. A part of each, the lower half or that of "
                    "--unknown, is ignored and sampled anew; completions.png shows the known part of each, then its "
                    "completions. The class is the most probable one for the known part, or that of --label"))
            ->type_name("FILES")
            ->delimiter(',')
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->check(not_empty, "", "")
            ->needs(load_option)
            ->group("Sampling");
    app.add_option(
           "--unknown", o.unknown,
           help("With --complete: the part that is sampled anew: lower, upper, left, right (halves), centre (12 "
                "x 12 pixels), or a PNG or JPEG file whose bright pixels are unknown. A model trained with "
                "--order raster draws from the top, so it completes only what is at the end (default: lower)"))
        ->type_name("PART")
        ->check(not_empty, "", "")
        ->needs(complete_option)
        ->group("Sampling");

    auto* encode_option =
        app.add_option("--encode", o.encode,
                       help("With --load: compress images, a folder of PNG and JPEG files or one PNG of cells of "
                            "28 x 28 pixels, with the model; writes only images.tsc: the tokens of the images, coded "
                            "with the probabilities of the GPT"))
            ->type_name("PATH")
            ->check(not_empty, "", "")
            ->needs(load_option)
            ->excludes(complete_option)
            ->excludes(preset_option)
            ->excludes(quantizer_option)
            ->group("Compression");
    auto* decode_option =
        app.add_option(
               "--decode", o.decode,
               help("With --load: the images of a file that --encode has written with the same model; writes only "
                    "decoded.png"))
            ->type_name("FILE")
            ->check(not_empty, "", "")
            ->needs(load_option)
            ->excludes(complete_option)
            ->excludes(encode_option)
            ->excludes(preset_option)
            ->excludes(quantizer_option)
            ->group("Compression");

    for (auto* option : {encode_option, decode_option})
        for (const char* unused : {"--data", "--samples", "--label", "--temperature", "--top-k", "--top-p", "--min-p",
                                   "--guidance", "--passes", "--order"})
            option->excludes(app.get_option(unused));

    app.add_option("--out", o.out,
                   help("The folder for samples.png, reconstructions.png, codebook.png, report.html, "
                        "model.safetensors and metrics.json; existing files are replaced "
                        "(default: out)"))
        ->type_name("DIR")
        ->check(not_empty, "", "")
        ->group("Results");

    app.set_version_flag("--version",
                         std::to_string(TESSERA_VERSION_MAJOR) + '.' + std::to_string(TESSERA_VERSION_MINOR) + '.' +
                             std::to_string(TESSERA_VERSION_PATCH),
                         "Print the version of the library")
        ->group("Other");
    app.set_help_flag("-h,--help", "Print this text")->group("Other");

    app.footer("Examples:\n"
               "  digits                                    the bundled digits; a few minutes\n"
               "  digits --epochs-vqvae 2 --epochs-prior 1  a short run of poor quality\n"
               "  digits --data ~/fashion --out shirts      the IDX files of another set\n"
               "  digits --data ~/photos --preset std       images, one subfolder per class\n"
               "  digits --preset std --checkpoint run      can be stopped at any time, then resumed:\n"
               "  digits --preset std --checkpoint run --resume\n"
               "  digits --preset std --checkpoint run --resume --epochs-prior 40 --accept epochs\n"
               "  digits --load out/model.safetensors --label 7 --samples 400 --out sevens\n"
               "  digits --load out/model.safetensors --encode digits.png --out small\n"
               "  digits --load out/model.safetensors --decode small/images.tsc --out again\n"
               "  digits --load out/model.safetensors --complete half.png --out finished\n"
               "  digits --order any --out any              a prior that completes any part:\n"
               "  digits --load any/model.safetensors --complete half.png --unknown left\n"
               "  digits --load out/model.safetensors --guidance 1 --temperature 0.7 --out plain\n\n"
               "Open report.html in a browser: it shows the pictures, the curves and the settings.");

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
    if (quantizer_option->count() != 0) o.quantizer = quantizer;
    if (order_option->count() != 0) o.order = order == "any" ? Order::any : Order::raster;
    take(epochs_vqvae_option, epochs_vqvae, o.epochs_vqvae);
    take(epochs_prior_option, epochs_prior, o.epochs_prior);
    take(batch_option, batch, o.batch);
    take(lr_vqvae_option, lr_vqvae, o.lr_vqvae);
    take(lr_prior_option, lr_prior, o.lr_prior);
    take(clip_norm_option, clip_norm, o.clip_norm);
    take(label_dropout_option, label_dropout, o.label_dropout);
    take(label_option, label, o.label);
    take(temperature_option, temperature, o.temperature);
    take(top_k_option, top_k, o.top_k);
    take(top_p_option, top_p, o.top_p);
    take(min_p_option, min_p, o.min_p);
    take(guidance_option, guidance, o.guidance);
    take(passes_option, passes, o.passes);
    constexpr std::size_t completions = 9;
    if (!o.complete.empty() && samples_option->count() == 0) o.samples = completions;
    if (!o.load.empty())
        for (const CLI::Option* option :
             {data_option, limit_option, skip_bad_option, epochs_vqvae_option, epochs_prior_option, batch_option,
              lr_vqvae_option, lr_prior_option, clip_norm_option, label_dropout_option, checkpoint_option,
              checkpoint_every_option, resume_option, accept_option})
            if (option->count() != 0) o.unused.push_back(option->get_name());
    return o;
}

}  // namespace digits
