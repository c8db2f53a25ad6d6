// The loop is the host's, and so is the end of it: a token that another thread sets is asked between two steps.
#include <doctest/doctest.h>
#include <embedding/tiny_run.hpp>

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <thread>

using namespace embedding;

TEST_CASE("Stop: another thread ends training at the boundary of a step, with the state of that many whole steps") {
    const auto after = [](std::uint64_t steps) {
        TinyTrainer trainer;
        while (trainer.steps() < steps) trainer.step();
        return trainer.hash();
    };
    for (int round = 0; round < 5; ++round) {
        TinyTrainer trainer;
        std::atomic<bool> begun{false};
        {
            std::jthread training{[&](std::stop_token stop) {
                while (!stop.stop_requested()) {
                    trainer.step();
                    begun = true;
                }
            }};
            while (!begun) std::this_thread::yield();
        }  // jthread asks it to stop, wherever it is in a step, and waits
        CHECK(trainer.steps() > 0);
        CHECK(trainer.hash() == after(trainer.steps()));
    }
}
