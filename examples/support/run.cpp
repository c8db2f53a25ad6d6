#include "run.hpp"

#include "job.hpp"
#include "json_figures.hpp"
#include "quantizer_names.hpp"
#include "system.hpp"

#include <tessera/core/error.hpp>
#include <tessera/files/crc32.hpp>
#include <tessera/io/weights.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>

namespace digits {

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

}  // namespace

Run::Run(const Options& options, const Recipe& recipe, const Material& material, Processes& processes) {
    order_ = options.order.value_or(Order::raster);
    if (options.checkpoint.empty()) return;
    processes_ = &processes;
    folder_ = options.checkpoint;
    const auto add = [&](const char* what, std::size_t value) {
        facts_.pairs.emplace_back(what, std::to_string(value));
    };
    const std::size_t images = material.train.size();
    facts_.pairs.emplace_back("program", program_version);
    facts_.pairs.emplace_back("preset", name(options.preset.value_or(Preset::small)));
    facts_.pairs.emplace_back("quantizer", options.quantizer.value_or(quantizer_names().front().name));
    facts_.pairs.emplace_back("training images", digest(material.train));
    facts_.pairs.emplace_back("test images", digest(material.test));
    const auto add_number = [&](const char* what, std::uint64_t value) {
        facts_.numbers.push_back({what, std::to_string(value)});
    };
    add_number("seed", options.seed);
    add_number("epochs.vqvae", options.epochs_vqvae.value_or(recipe.vqvae.epochs(images)));
    add_number("epochs.prior", options.epochs_prior.value_or(recipe.prior.epochs(images)));
    add("batch of stage 1", options.batch.value_or(recipe.vqvae.batch));
    add("batch of stage 2", options.batch.value_or(recipe.prior.batch));

    accept_ = options.accept;
    every_ = options.checkpoint_every;
    catch_stop_signals();  // before anything is printed: who reads that the run is resumed may stop it
    if (is_first(processes)) checkpoints_.emplace(options.checkpoint);
    if (options.resume)
        open(options.order);
    else if (checkpoints_ && !checkpoints_->steps().empty())
        throw tessera::ArgumentError("--checkpoint: " + options.checkpoint +
                                     " holds the checkpoints of an earlier run: --resume continues it");
}

void Run::open(std::optional<Order> given) {
    if (checkpoints_)
        if (auto newest = checkpoints_->newest()) resumed_.emplace(std::move(*newest));
    const std::string path = of_first(*processes_, resumed_ ? resumed_->file.name() : std::string{});
    if (path.empty()) {
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
    if (given && *given != order_)
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   resumed_->file.name() + ": expected a checkpoint of a run with --order " +
                                       name(*given) + ", got one of a run with --order " + name(order_));
    try {
        tell(tessera::io::load(resumed_->file, {.accept = accepted(program_settings), .remedy = remedy}, facts_));
    } catch (const tessera::FormatError& e) {
        const std::string text = e.what(), seed = resumed_->file.metadata(seed_key).value_or("");
        if (seed == facts_.numbers.front().value || text.find("images: expected") == std::string::npos) throw;
        const char* why = "with another --seed these images differ: it chooses those of --limit and the test images of "
                          "a folder without splits; the checkpoint has ";
        throw tessera::FormatError(e.code(), text + "\n  " + why + tessera::io::printable(seed));
    }
    stage1_ = read_stage<Stage1>(resumed_->file, stage1_key);
    stage_ = resumed_->file.metadata(stage2_key) ? 2 : 1;
    if (stage_ == 2) stage2_ = read_stage<Stage2>(resumed_->file, stage2_key);
    if (stage_ == 2 && std::ranges::find(accept_, "epochs") != accept_.end())
        std::printf("stage 1 is complete: --epochs-vqvae has no effect\n");
    const std::uint64_t before = stage_ == 2 ? stage1_.steps : 0;
    std::printf("resuming stage %d after step %llu, from %s\n", stage_,
                static_cast<unsigned long long>(resumed_->step - before), resumed_->file.name().c_str());
    std::fflush(stdout);
}

std::string Run::remedy(std::string_view key, std::string_view value) {
    const std::string_view name = key.substr(0, key.find('.'));  // "epochs.prior" is accepted as "epochs"
    for (const std::span<const char* const> names :
         {std::span<const char* const>{trainer_settings}, std::span<const char* const>{program_settings}})
        for (const char* known : names)
            if (name == known) return "--accept " + std::string{name} + " keeps " + std::string{value};
    return "a run with another value needs another folder of --checkpoint";
}

std::vector<std::string> Run::accepted(std::span<const char* const> names) const {
    std::vector<std::string> both;
    for (const char* name : names)
        if (std::ranges::find(accept_, name) != accept_.end()) both.emplace_back(name);
    return both;
}

void Run::tell(const tessera::io::LoadReport& report, std::string_view unused) {
    for (const auto& a : report.accepted)
        if (a.file != a.host && (unused.empty() || !a.name.ends_with(unused)))
            std::printf("%s is %s from here on, as accepted; the checkpoint has %s\n", a.name.c_str(), a.host.c_str(),
                        tessera::io::printable(a.file).c_str());
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
