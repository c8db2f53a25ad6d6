// The host owns the loop and ends it: a stop token that another thread sets is read between two steps.
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
        }  // jthread requests a stop, at any point of a step, and joins
        CHECK(trainer.steps() > 0);
        CHECK(trainer.hash() == after(trainer.steps()));
    }
}
