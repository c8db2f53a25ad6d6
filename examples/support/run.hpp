#pragma once
// Run: what lets a run outlive its process. Checkpoints of both stages, one series of steps; how they are resumed; and
// what SIGINT and SIGTERM do when there are checkpoints: finish the step, save, stop.

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

/// What must agree for a run to be resumed, and what may differ when --accept names it: everything that its bits depend on
/// and that no trainer knows. A model without weights.
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
    /// Keeps nothing.
    Run() = default;
    /// With --checkpoint: locks the folder and, with --resume, opens its newest checkpoint. Of several processes the first
    /// one does, and the others read the file that it found.
    Run(const Options& options, const Recipe& recipe, const Material& material, Processes& processes);

    /// Is this the stage in which the run goes on? stage1(), stage2() and file() say from where.
    bool resumes(int stage) const { return resumed_ && stage_ == stage; }
    const Stage1& stage1() const { return stage1_; }
    const Stage2& stage2() const { return stage2_; }
    tessera::io::SafetensorsFile& file() { return resumed_->file; }
    /// Loads a trainer from it, and says what stays the command line's.
    template <class Trainer>
    void load(Trainer& trainer) {
        tell(tessera::io::load(file(), trainer, {.accept = accepted(trainer_settings)}));
    }
    const Facts& facts() const { return facts_; }

    /// After a step of a stage that has `last` of them: shall there be a checkpoint?
    bool is_due(std::uint64_t step, std::uint64_t last) const;
    /// `step` counts through both stages. Throws Stop when the run was asked to end.
    void save(std::uint64_t step, tessera::io::SafetensorsWriter file, const Stage1& stage1,
              const Stage2* stage2 = nullptr);
    /// Between steps. The last checkpoint is then as good as one of now.
    void stop_if_asked() const;

private:
    void open();
    bool stop_is_asked() const;
    /// Those of `names` that --accept names.
    std::vector<std::string> accepted(std::span<const char* const> names) const;
    static void tell(const tessera::io::LoadReport& report);

    Processes* processes_ = nullptr;  // null where nothing is kept
    Facts facts_;
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
