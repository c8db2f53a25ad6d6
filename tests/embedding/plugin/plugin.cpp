// A plugin: all of its objects have static storage, and are destroyed when it is unloaded.
#include <embedding/tiny_run.hpp>

#include <cstdint>

extern "C" std::uint64_t train() {
    static embedding::TinyTrainer trainer;
    trainer.step();
    return embedding::tiny_run().hash;
}
