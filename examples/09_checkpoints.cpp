// 9. A run that outlives its process: stopped anywhere, it goes on and ends in the same bits.
//
//     09_checkpoints [folder with digits] [--small]
//
// Learns for some steps, loses everything but the folder of checkpoints, goes on, and compares with a run that was never
// stopped. The state of a run is its trainer (model, optimiser, counters) and its position in the data.

#include "support/course_nets.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/data/image.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/checkpoints.hpp>
#include <tessera/train/trainer.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>

namespace ts = tessera;

// Goes on from the newest checkpoint, up to `steps`; gives the bytes of the trained model.
template <class Images>
ts::Bytes train(const Images& digits, const char* folder, std::uint64_t steps) {
    ts::Rng rng{42};
    course::Vae vae{rng};
    ts::Trainer trainer{vae, ts::AdamW{vae, {.lr = 2e-3}}, {.clip_norm = 1}};

    // [checkpoints]
    ts::Checkpoints checkpoints{folder};  // made, locked, and tried out: no other trainer writes here now
    ts::DataPosition position{rng};
    if (auto last = checkpoints.newest()) ts::io::load(last->file, trainer, position);

    while (trainer.steps() < steps)
        for (auto&& batch : ts::batches(digits, 32, position)) {
            trainer.step(batch);
            if (trainer.steps() % 10 == 0) checkpoints.save(trainer.steps(), ts::io::collect(trainer, position));
            if (trainer.steps() == steps) break;
        }
    // [/checkpoints]
    return ts::io::collect(vae).bytes();
}

int run(const course::Arguments& arguments) {
    const auto all = ts::data::load_mnist(arguments.folder).train;
    const auto digits = all.subset(course::evenly(arguments.small ? 300 : 2000, all.size()));
    for (const char* folder : {"checkpoints_whole", "checkpoints_stopped"}) std::filesystem::remove_all(folder);

    const ts::Bytes whole = train(digits, "checkpoints_whole", 40);
    train(digits, "checkpoints_stopped", 23);  // what came after step 20 is lost
    const ts::Bytes resumed = train(digits, "checkpoints_stopped", 40);
    std::printf("40 steps, and 23 steps that went on from step 20: %s\n",
                whole == resumed ? "the same bytes" : "other bytes");
    return whole == resumed ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "09_checkpoints: %s\n", error.what());
        return 1;
    }
}
