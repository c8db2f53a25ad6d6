#include "run.hpp"

#include "classes.hpp"
#include "job.hpp"
#include "json_figures.hpp"
#include "quantizer_names.hpp"
#include "system.hpp"

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/files/crc32.hpp>
#include <tessera/files/utf8.hpp>
#include <tessera/io/weights.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

namespace digits {

namespace fs = std::filesystem;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Point, x, y)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Partial, sum, count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stage1, seconds, steps, train_mse, test_mse_curve, perplexity_curve, next_mse,
                                   next_perplexity, test_mse, test_psnr_db, quantization_mse, perplexity, usage, counts,
                                   images_per_second, epochs, batch, parameters, lr, codes, code_width)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stage2, seconds, train_nats, test_nats_curve, next_nats, test_nats_per_token)

namespace {

constexpr const char* program_key = "tessera.digits.program";
constexpr const char* seed_key = "tessera.digits.seed";
constexpr const char* stage1_key = "tessera.digits.stage1";
constexpr const char* stage2_key = "tessera.digits.stage2";
constexpr const char* order_key = "tessera.digits.order";  // of checkpoints with a prior of any order
constexpr const char* classes_key = "tessera.digits.classes";

template <class Stage>
Stage read_stage(const tessera::io::SafetensorsFile& file, const char* key) {
    const auto text = file.metadata(key);
    try {
        nlohmann::json figures = nlohmann::json::parse(text.value_or(""));
        read_non_finite(figures);
        return figures.get<Stage>();
    } catch (const nlohmann::json::exception&) {
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   file.name() + ": " + key + ": is not the training history of a run of this program");
    }
}

template <class Stage>
std::string text_of(const Stage& stage) {
    nlohmann::json figures = stage;
    name_non_finite(figures);
    return figures.dump();
}

Order order_of(const tessera::io::SafetensorsFile& checkpoint) {
    const std::string order = checkpoint.metadata(order_key).value_or(name(Order::raster));
    for (const Order known : {Order::raster, Order::any})
        if (order == name(known)) return known;
    throw tessera::FormatError(tessera::FormatCode::mismatch,
                               checkpoint.name() + ": " + order_key + ": " +
                                   tessera::expected_got("raster or any", tessera::io::printable(order)));
}

std::string digest(const Images& images) {
    std::uint32_t sum = tessera::crc32(images.bytes());
    for (std::size_t i = 0; i < images.size() && images.labelled(); ++i) {
        const std::uint32_t label = images.label(i).index;  // below max_classes
        const unsigned char bytes[] = {static_cast<unsigned char>(label), static_cast<unsigned char>(label >> 8)};
        sum = tessera::crc32(bytes, sum);
    }
    return std::to_string(images.size()) + " images, checksum " + tessera::io::detail::hex8(sum);
}

/// With which the prior is trained; empty: without classes.
std::vector<std::string> known_classes(const Material& material) {
    std::vector<std::string> names = material.class_names();
    if (names.size() > max_classes) names.clear();
    return names;
}

struct Values {
    const Options& options;
    const Recipe& recipe;
    const Material& material;

    std::size_t epochs(const std::optional<std::size_t>& given, const Recipe::Stage& stage) const {
        return given.value_or(stage.epochs(material.train.size()));
    }
};

enum class Compared {
    always,    ///< must be that of the checkpoint
    setting,   ///< --accept can take another value
    in_stage1  ///< a setting without effect once stage 1 is complete
};

struct Fact {
    const char* key;  ///< of a setting up to the dot: as --accept calls it
    const char* option;
    Compared compared;
    std::string (*value)(const Values&);  ///< of the option or the recipe
};

/// Everything that the bits of a model depend on, but --order. Each option of the groups Data and Training in --help
/// has a line here, or changes no bits (tests/examples/resume.sh looks).
constexpr Fact table[]{
    {"program", "", Compared::always, [](const Values&) { return std::string{program_version}; }},
    {"preset", "--preset", Compared::always,
     [](const Values& v) { return std::string{name(v.options.preset.value_or(Preset::small))}; }},
    {"quantizer", "--quantizer", Compared::always,
     [](const Values& v) { return v.options.quantizer.value_or(quantizer_names().front().name); }},
    {"classes", "--data", Compared::always,
     [](const Values& v) { return nlohmann::json(known_classes(v.material)).dump(); }},
    {"training images", "--data, --bundled, --limit, --skip-bad", Compared::always,
     [](const Values& v) { return digest(v.material.train); }},
    {"test images", "--data, --bundled, --limit, --skip-bad", Compared::always,
     [](const Values& v) { return digest(v.material.test); }},
    {"batch of stage 1", "--batch", Compared::always,
     [](const Values& v) { return std::to_string(v.options.batch.value_or(v.recipe.vqvae.batch)); }},
    {"batch of stage 2", "--batch", Compared::always,
     [](const Values& v) { return std::to_string(v.options.batch.value_or(v.recipe.prior.batch)); }},
    {"seed", "--seed", Compared::setting, [](const Values& v) { return std::to_string(v.options.seed); }},
    {"epochs.vqvae", "--epochs-vqvae", Compared::in_stage1,
     [](const Values& v) { return std::to_string(v.epochs(v.options.epochs_vqvae, v.recipe.vqvae)); }},
    {"epochs.prior", "--epochs-prior", Compared::setting,
     [](const Values& v) { return std::to_string(v.epochs(v.options.epochs_prior, v.recipe.prior)); }},
    {"lr.vqvae", "--lr-vqvae", Compared::in_stage1,
     [](const Values& v) { return tessera::number_text(v.recipe.vqvae.lr); }},
    {"lr.prior", "--lr-prior", Compared::setting,
     [](const Values& v) { return tessera::number_text(v.recipe.prior.lr); }},
    {"clip_norm.vqvae", "--clip-norm", Compared::in_stage1,
     [](const Values& v) { return tessera::number_text(v.recipe.vqvae.clip_norm); }},
    {"clip_norm.prior", "--clip-norm", Compared::setting,
     [](const Values& v) { return tessera::number_text(v.recipe.prior.clip_norm); }},
    {"weight_decay.vqvae", "", Compared::in_stage1,
     [](const Values& v) { return tessera::number_text(v.recipe.vqvae.weight_decay); }},
    {"weight_decay.prior", "", Compared::setting,
     [](const Values& v) { return tessera::number_text(v.recipe.prior.weight_decay); }},
    // without classes every label dropout is the same
    {"label_dropout", "--label-dropout", Compared::setting,
     [](const Values& v) {
         const double share = v.options.label_dropout.value_or(v.recipe.label_dropout);
         return tessera::number_text(known_classes(v.material).empty() ? 1 : share);
     }},
};

Facts facts_of(const Options& options, Order order, const Material& material) {
    const Recipe chosen = recipe(options.preset.value_or(Preset::small), order, options);
    const Values values{options, chosen, material};
    Facts facts;
    for (const Fact& fact : table)
        if (fact.compared == Compared::always)
            facts.pairs.emplace_back(fact.key, fact.value(values));
        else
            facts.numbers.push_back({fact.key, fact.value(values)});
    return facts;
}

/// Gives the settings of a complete stage 1 the checkpoint's values. One line for each that differs.
std::vector<std::string> keep_stage1(const tessera::io::SafetensorsFile& checkpoint, Facts& facts) {
    std::vector<std::string> lines;
    for (const Fact& fact : table) {
        if (fact.compared != Compared::in_stage1) continue;
        tessera::Setting& setting = *std::ranges::find(facts.numbers, fact.key, &tessera::Setting::key);
        const auto found = checkpoint.metadata("tessera.digits." + setting.key);
        if (!found || *found == setting.value) continue;
        const std::string what = *fact.option ? fact.option : fact.key;
        lines.push_back("stage 1 is complete: " + what + ' ' + setting.value +
                        " has no effect on it; the checkpoint has " + tessera::io::printable(*found));
        setting.value = *found;
    }
    return lines;
}

/// " with cow, owl", of those that are not in the other list.
std::string only_in(const std::vector<std::string>& names, const std::vector<std::string>& others) {
    constexpr std::size_t most = 10;
    std::string text;
    std::size_t count = 0;
    for (const std::string& name : names)
        if (std::ranges::find(others, name) == others.end() && ++count <= most)
            text += (count == 1 ? " with " : ", ") + tessera::io::printable(name);
    return count > most ? text + ", ..." : text;
}

/// The labels of images may be the same with other classes, such as after a folder was renamed.
void compare_classes(const tessera::io::SafetensorsFile& checkpoint, const std::vector<std::string>& classes) {
    std::vector<std::string> found;
    try {
        found = nlohmann::json::parse(checkpoint.metadata(classes_key).value_or("")).get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   checkpoint.name() + ": " + classes_key + ": is not a list of names");
    }
    if (found == classes) return;
    std::string expected = std::to_string(classes.size()) + only_in(classes, found);
    std::string got = std::to_string(found.size()) + only_in(found, classes);
    if (expected == got) {  // the same names in another order
        const auto [ours, theirs] = std::ranges::mismatch(classes, found);
        const std::string number = " as number " + std::to_string(ours - classes.begin());
        expected = *ours + number;
        got = tessera::io::printable(*theirs) + number;
    }
    throw tessera::FormatError(tessera::FormatCode::mismatch,
                               checkpoint.name() + ": classes: expected " + expected + ", file has " + got);
}

// Checkpoints makes the last folder of a path; what is wrong with those above, it says itself.
void make_folders_above(const std::string& folder) {
    std::error_code ignored;
    const fs::path above = fs::path{folder}.parent_path();
    if (!above.empty()) fs::create_directories(above, ignored);
}

// Checkpoints that nothing would read, or "": a copy has another name, and a folder above has them one level down.
std::string other_names(const std::string& folder) {
    const auto is_checkpoint = [](const fs::path& path) {
        const std::string name = path.filename().string();
        return name.starts_with("step-") && name.size() > 5 && name[5] >= '0' && name[5] <= '9' &&
               name.find(".safetensors") != std::string::npos;
    };
    std::error_code error;
    fs::directory_iterator entry{folder, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
        const std::string shown = tessera::io::printable(entry->path().filename().string());
        if (is_checkpoint(entry->path())) {
            const bool is_damaged = shown.ends_with(".damaged");
            return shown + (is_damaged ? ", which is damaged: move it" : ": give it its name again, or move it") +
                   " away to begin a new run";
        }
        std::error_code inner;
        fs::directory_iterator below{entry->path(), inner};
        for (; !inner && below != fs::directory_iterator{}; below.increment(inner))
            if (is_checkpoint(below->path()))
                return "them in the folder " + shown + ": pass --checkpoint " + (fs::path{folder} / shown).string();
    }
    return {};
}

}  // namespace

Run::Run(const Options& options, const Material& material, Processes& processes) {
    order_ = options.order.value_or(Order::raster);
    if (options.checkpoint.empty()) return;
    processes_ = &processes;
    folder_ = options.checkpoint;
    facts_ = facts_of(options, order_, material);
    accept_ = options.accept;
    every_ = options.checkpoint_every;
    catch_stop_signals();  // before anything is printed: who reads that the run is resumed may stop it
    if (is_first(processes)) {
        make_folders_above(options.checkpoint);
        checkpoints_.emplace(options.checkpoint);
    }
    if (options.resume)
        open(options, material);
    else if (checkpoints_ && !checkpoints_->steps().empty())
        throw tessera::ArgumentError("--checkpoint: " + options.checkpoint +
                                     " holds the checkpoints of an earlier run: --resume continues it");
}

void Run::open(const Options& options, const Material& material) {
    if (checkpoints_)
        if (auto newest = checkpoints_->newest()) resumed_.emplace(std::move(*newest));
    const std::string path = of_first(*processes_, resumed_ ? resumed_->file.name() : std::string{});
    if (path.empty()) {
        const std::string other = of_first(*processes_, checkpoints_ ? other_names(folder_) : std::string{});
        if (!other.empty())
            throw tessera::ArgumentError("--resume: " + folder_ +
                                         ": expected files called step-000000000500.safetensors, got " + other);
        std::printf("no checkpoint in %s yet: starting from the beginning\n", folder_.c_str());
        return;
    }
    if (!resumed_) resumed_.emplace(tessera::Checkpoint{0, tessera::io::SafetensorsFile{path}, {}});
    for (const std::string& damaged : resumed_->skipped) std::printf("skipped: %s\n", damaged.c_str());
    if (const auto found = resumed_->file.metadata(program_key); found != program_version)
        throw tessera::FormatError(
            tessera::FormatCode::version,
            resumed_->file.name() + ": is a checkpoint of " +
                (found ? "version " + tessera::io::printable(*found) : std::string{"an earlier version"}) +
                " of this program: expected version " + program_version);
    order_ = order_of(resumed_->file);
    if (options.order && *options.order != order_)
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   resumed_->file.name() + ": expected a checkpoint of a run with --order " +
                                       name(*options.order) + ", got one of a run with --order " + name(order_));
    facts_ = facts_of(options, order_, material);  // some epochs depend on the order
    stage_ = resumed_->file.metadata(stage2_key) ? 2 : 1;
    std::vector<std::string> lines;
    if (stage_ == 2) lines = keep_stage1(resumed_->file, facts_);
    compare_classes(resumed_->file, known_classes(material));
    try {
        const auto report =
            tessera::io::load(resumed_->file, {.accept = accepted(program_settings), .remedy = remedy}, facts_);
        for (const auto& a : report.accepted)
            if (a.file != a.host)
                lines.push_back(a.name + " is " + a.host + " from here on, as accepted; the checkpoint has " +
                                tessera::io::printable(a.file));
    } catch (const tessera::FormatError& e) {
        const std::string text = e.what(), seed = resumed_->file.metadata(seed_key).value_or("");
        if (seed == std::to_string(options.seed) || text.find("images: expected") == std::string::npos) throw;
        const char* why = "with another --seed these images differ: it chooses those of --limit and the test images of "
                          "a folder without splits; the checkpoint has ";
        throw tessera::FormatError(e.code(), text + "\n  " + why + tessera::io::printable(seed));
    }
    stage1_ = read_stage<Stage1>(resumed_->file, stage1_key);
    if (stage_ == 2) stage2_ = read_stage<Stage2>(resumed_->file, stage2_key);
    for (const std::string& line : lines) std::printf("%s\n", line.c_str());
    const std::uint64_t before = stage_ == 2 ? stage1_.steps : 0;
    std::printf("resuming stage %d after step %llu, from %s\n", stage_,
                static_cast<unsigned long long>(resumed_->step - before), resumed_->file.name().c_str());
    std::fflush(stdout);
}

std::string Run::remedy(std::string_view key, std::string_view value) {
    const std::string_view name = key.substr(0, key.find('.'));  // "epochs.prior" is accepted as "epochs"
    for (const char* known : program_settings)
        if (name == known) return "--accept " + std::string{name} + " keeps " + std::string{value};
    return "a run with another value needs another folder of --checkpoint";
}

std::vector<std::string> Run::accepted(std::span<const char* const> names) const {
    std::vector<std::string> both;
    for (const char* name : names)
        if (std::ranges::find(accept_, name) != accept_.end()) both.emplace_back(name);
    return both;
}

bool Run::is_due(std::uint64_t step, std::uint64_t last) const {
    return processes_ && (step % every_ == 0 || step == last || stop_is_asked());
}

void Run::save(std::uint64_t step, tessera::io::SafetensorsWriter file, const Stage1& stage1, const Stage2* stage2) {
    file.metadata(stage1_key, text_of(stage1));
    if (stage2) file.metadata(stage2_key, text_of(*stage2));
    if (order_ == Order::any) file.metadata(order_key, name(order_));
    bool saved = true;
    try {
        if (checkpoints_) checkpoints_->save(step, std::move(file));
    } catch (const tessera::IoError& error) {
        if (stop_requested()) throw;
        std::fprintf(stderr, "digits: %s; the run continues\n",
                     error.what());  // a full disk may have space again later
        saved = false;
    }
    if (of_first(*processes_, saved)) stop_if_asked();
}

// A signal reaches the processes at different times: the first process decides for all, at the same step.
bool Run::stop_is_asked() const { return of_first(*processes_, stop_requested() != 0); }

void Run::stop_if_asked() const {
    if (!processes_ || !stop_is_asked()) return;
    throw Stop{0, "\nstopped: the state of the run is in " + folder_ + ", --resume continues it\n"};
}

}  // namespace digits
