// F8: any sequence of calls of a trainer and its checkpoints, on a disk that may be damaged between them. What was
// saved is loaded unchanged, and a call that throws changes nothing.

#include "target.hpp"
#include "tiny_state.hpp"

#include <support/crash_disk.hpp>

#include <tessera/train/checkpoints.hpp>

#include <map>
#include <optional>
#include <utility>

void fuzz::one(tessera::ByteView input) {
    using namespace tessera;
    using Folder = BasicCheckpoints<support::CrashFiles>;
    Choices c{input};
    support::CrashDisk disk;
    std::optional<Folder> folder{std::in_place, "run", CheckpointsOptions{}, support::CrashFiles{&disk}};
    Tiny model;
    std::optional<TinyTrainer> trainer;
    const auto fresh = [&] {
        trainer.emplace(model, AdamW{model}, TrainerOptions{.clip_norm = 1, .reject_spikes = 2, .seed = 3});
    };
    fresh();
    std::map<std::uint64_t, Bytes> saved;
    bool damaged = false;

    for (int calls = 0; calls < 20 && !c.empty(); ++calls) {
        const Bytes before = state_of(*trainer);
        try {
            switch (c.below(8)) {
            case 0:
            case 1:
                trainer->step(static_cast<int>(c.below(16)));
                break;
            case 2: {
                const std::uint64_t step = trainer->steps();
                folder->save(step, io::collect(*trainer));
                saved[step] = before;
                break;
            }
            case 3:
                if (auto last = folder->newest()) {
                    io::load(last->file, *trainer);
                    demand(saved.contains(last->step) && state_of(*trainer) == saved[last->step],
                           "what was saved comes back");
                    demand(damaged || last->step == saved.rbegin()->first, "the newest one comes back");
                }
                break;
            case 4:
                fresh();
                break;
            case 5: {
                TinyTrainer moved = std::move(*trainer);
                demand(state_of(moved) == before, "a trainer that moves keeps its state");
                trainer.emplace(std::move(moved));
                break;
            }
            case 6:
                folder.reset();
                folder.emplace("run", CheckpointsOptions{.keep = 2 + c.below(3)}, support::CrashFiles{&disk});
                break;
            default:
                if (disk.names.empty()) break;
                auto file = disk.names.begin();
                std::advance(file, c.below(disk.names.size()));
                Bytes& bytes = disk.files[file->second];
                if (bytes.empty()) break;
                damaged = true;
                bytes[c.number() % bytes.size()] ^= static_cast<unsigned char>(1 + c.below(255));
            }
        } catch (const std::exception&) {
            demand(state_of(*trainer) == before, "a call that throws leaves the state as it was");
        }
    }
}
