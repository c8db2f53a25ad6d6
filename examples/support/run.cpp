#include "run.hpp"

#include "system.hpp"

#include <tessera/core/crc32.hpp>
#include <tessera/core/error.hpp>
#include <tessera/io/weights.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>

namespace digits {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Point, x, y)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Partial, sum, count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stage1, seconds, steps, train_mse, test_mse_curve, perplexity_curve, next_mse,
                                   next_perplexity, test_mse, test_psnr_db, quantization_mse, perplexity, usage, counts,
                                   images_per_second, epochs, batch, parameters, lr, codes, code_width)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stage2, seconds, train_nats, test_nats_curve, next_nats, test_nats_per_token)

namespace {

constexpr const char* stage1_key = "tessera.digits.stage1";
constexpr const char* stage2_key = "tessera.digits.stage2";

template <class Stage>
Stage read_stage(const tessera::io::SafetensorsFile& file, const char* key) {
    const auto text = file.metadata(key);
    try {
        return nlohmann::json::parse(text.value_or("")).get<Stage>();
    } catch (const nlohmann::json::exception&) {
        throw tessera::FormatError(tessera::FormatCode::mismatch,
                                   file.name() + ": " + key + ": is no history of a run of this program");
    }
}

std::string digest(const Images& images) {
    std::uint32_t sum = tessera::crc32(images.bytes());
    for (std::size_t i = 0; i < images.size() && images.labelled(); ++i) {
        const std::uint32_t label = images.label(i).index;  // two bytes, as ever: old runs can be resumed
        const unsigned char bytes[] = {static_cast<unsigned char>(label), static_cast<unsigned char>(label >> 8)};
        sum = tessera::crc32(bytes, sum);
    }
    return std::to_string(images.size()) + " images, checksum " + tessera::io::detail::hex8(sum);
}

}  // namespace

Run::Run(const Options& options, const Recipe& recipe, const Material& material) {
    if (options.checkpoint.empty()) return;
    const auto add = [&](const char* what, std::size_t value) { facts_.pairs.emplace_back(what, std::to_string(value)); };
    const std::size_t images = material.train.size();
    facts_.pairs.emplace_back("preset", name(options.preset.value_or(Preset::small)));
    facts_.pairs.emplace_back("training images", digest(material.train));
    facts_.pairs.emplace_back("test images", digest(material.test));
    add("seed", options.seed);
    add("epochs of stage 1", options.epochs_vqvae.value_or(recipe.vqvae.epochs(images)));
    add("epochs of stage 2", options.epochs_prior.value_or(recipe.prior.epochs(images)));
    add("batch of stage 1", options.batch.value_or(recipe.vqvae.batch));
    add("batch of stage 2", options.batch.value_or(recipe.prior.batch));

    every_ = options.checkpoint_every;
    checkpoints_.emplace(options.checkpoint);
    if (options.resume)
        open();
    else if (!checkpoints_->steps().empty())
        throw tessera::ArgumentError("--checkpoint: " + options.checkpoint +
                                     " holds the checkpoints of an earlier run: --resume goes on with it");
    catch_stop_signals();
}

void Run::open() {
    if (auto newest = checkpoints_->newest()) {
        resumed_.emplace(std::move(*newest));
    } else {
        std::printf("no checkpoint in %s yet: the run begins\n", checkpoints_->folder().c_str());
        return;
    }
    for (const std::string& damaged : resumed_->passed_over) std::printf("passed over: %s\n", damaged.c_str());
    tessera::io::load(resumed_->file, facts_);
    stage1_ = read_stage<Stage1>(resumed_->file, stage1_key);
    stage_ = resumed_->file.metadata(stage2_key) ? 2 : 1;
    if (stage_ == 2) stage2_ = read_stage<Stage2>(resumed_->file, stage2_key);
    const std::uint64_t before = stage_ == 2 ? stage1_.steps : 0;
    std::printf("going on with stage %d after step %llu, from %s\n", stage_,
                static_cast<unsigned long long>(resumed_->step - before), resumed_->file.name().c_str());
    std::fflush(stdout);
}

bool Run::is_due(std::uint64_t step, std::uint64_t last) const {
    return checkpoints_ && (step % every_ == 0 || step == last || stop_requested());
}

void Run::save(std::uint64_t step, tessera::io::SafetensorsWriter file, const Stage1& stage1, const Stage2* stage2) {
    file.metadata(stage1_key, nlohmann::json(stage1).dump());
    if (stage2) file.metadata(stage2_key, nlohmann::json(*stage2).dump());
    try {
        checkpoints_->save(step, std::move(file));
    } catch (const tessera::IoError& error) {
        if (stop_requested()) throw;
        std::fprintf(stderr, "digits: %s; the run goes on\n", error.what());  // a full disk may have space again later
        return;
    }
    stop_if_asked();
}

void Run::stop_if_asked() const {
    if (!checkpoints_ || !stop_requested()) return;
    throw Stop{0, "\nstopped: the state of the run is in " + checkpoints_->folder() + ", --resume goes on with it\n"};
}

}  // namespace digits
