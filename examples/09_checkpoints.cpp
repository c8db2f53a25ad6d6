// 9. Checkpoints: a run that is stopped at any step is resumed and ends with the same bits.
//
//     09_checkpoints [folder with digits] [--small]
//
// Trains for some steps, discards everything but the folder of checkpoints, resumes, and compares the result with that
// of an uninterrupted run. The state of a run is its trainer (model, optimiser, counters) and its position in the data.

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

// Resumes from the newest checkpoint and trains up to `steps`; returns the bytes of the trained model.
template <class Images>
ts::Bytes train(const Images& digits, const char* folder, std::uint64_t steps) {
    ts::Rng rng{42};
    course::Vae vae{rng};
    ts::Trainer trainer{vae, ts::AdamW{vae, {.lr = 2e-3}}, {.clip_norm = 1}};

    // [checkpoints]
    ts::Checkpoints checkpoints{folder};  // creates and locks the folder, and tests that it is writable
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
    train(digits, "checkpoints_stopped", 23);  // the steps after 20 are lost
    const ts::Bytes resumed = train(digits, "checkpoints_stopped", 40);
    std::printf("40 steps without a stop, and 23 steps resumed from step 20: %s\n",
                whole == resumed ? "the same bytes" : "different bytes");
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
