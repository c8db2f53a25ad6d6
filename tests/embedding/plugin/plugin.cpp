// A plugin: everything of it has static storage, and ends when it is unloaded.
#include <embedding/tiny_run.hpp>

#include <cstdint>

extern "C" std::uint64_t train() {
    static embedding::TinyTrainer trainer;
    trainer.step();
    return embedding::tiny_run().hash;
}
