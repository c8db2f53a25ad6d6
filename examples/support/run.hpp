#pragma once
// Run: checkpoints of both stages, with one count of steps, and how they are resumed. With checkpoints, SIGINT,
// SIGTERM and SIGHUP finish the step, save and stop.

#include "material.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "processes.hpp"

#include <tessera/core/param.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/io/load.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/safetensors_writer.hpp>
#include <tessera/train/checkpoints.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace digits {

/// What the bits of a run depend on, of both stages: the trainer in a checkpoint of the first one knows nothing of the
/// second. A checkpoint must have the same values, except for those that --accept names. Saved as a model without
/// weights.
struct Facts {
    static constexpr std::string_view kind = "digits";
    std::vector<std::pair<std::string, std::string>> pairs;
    std::vector<tessera::Setting> numbers;

    template <class F, class... M>
    static void each_state(F&&, M&...) {}
    const std::vector<std::pair<std::string, std::string>>& metadata() const { return pairs; }
    const std::vector<tessera::Setting>& settings() const { return numbers; }
};

class Run {
public:
    /// Without checkpoints.
    Run() = default;
    /// With --checkpoint: locks the folder and, with --resume, opens its newest checkpoint. With several processes the
    /// first one does so, and the others read the file that it found. From then on signals are caught.
    Run(const Options& options, const Material& material, Processes& processes);

    /// That of --order, which must be the checkpoint's; without --order that of the checkpoint, or raster.
    Order order() const { return order_; }

    /// Does the run continue in this stage? stage1(), stage2() and file() have its state.
    bool resumes(int stage) const { return resumed_ && stage_ == stage; }
    const Stage1& stage1() const { return stage1_; }
    const Stage2& stage2() const { return stage2_; }
    tessera::io::SafetensorsFile& file() { return resumed_->file; }
    /// Loads a trainer from it. Which settings keep the values of the command line was printed with the facts.
    template <class Trainer>
    void load(Trainer& trainer) {
        tessera::io::load(file(), {.accept = accepted(trainer_settings), .remedy = remedy}, trainer);
    }
    const Facts& facts() const { return facts_; }
    /// How a setting that differs from the checkpoint's is accepted, for the messages of io::load.
    static std::string remedy(std::string_view key, std::string_view value);

    /// Is a checkpoint due after this step of a stage with `last` steps?
    bool is_due(std::uint64_t step, std::uint64_t last) const;
    /// `step` counts the steps of both stages. Throws Stop after a signal.
    void save(std::uint64_t step, tessera::io::SafetensorsWriter file, const Stage1& stage1,
              const Stage2* stage2 = nullptr);
    /// Throws Stop after a signal. To be called where the last checkpoint is up to date.
    void stop_if_asked() const;

private:
    void open(const Options& options, const Material& material);
    bool stop_is_asked() const;
    /// Those of `names` that --accept lists.
    std::vector<std::string> accepted(std::span<const char* const> names) const;

    Processes* processes_ = nullptr;  // null without checkpoints
    Facts facts_;
    Order order_ = Order::raster;
    std::vector<std::string> accept_;
    std::size_t every_ = 0;
    std::optional<tessera::Checkpoints> checkpoints_;
    std::string folder_;
    std::optional<tessera::Checkpoint> resumed_;
    int stage_ = 0;
    Stage1 stage1_;
    Stage2 stage2_;
};

}  // namespace digits
