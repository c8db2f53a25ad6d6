#include <bench/step/gpt.hpp>
#include <bench/support/allocations.hpp>

#include <examples/support/default_nets.hpp>

#include <cstddef>
#include <string>

namespace bench {

void add_gpt_small(Rows& rows) {
    using Prior = digits::Small::Gpt2;
    add_training<Prior>(rows, "train-gpt/small", 64);
    for (const std::size_t batch : {4, 16})
        add_training<Prior>(rows, "scale-sequences/" + std::to_string(batch), batch);
    rows.add({.name = "allocations/train-gpt", .figure = plain("allocations/step"), .parallel = true},
             [](Meter& meter) {
                 meter.value([] {
                     GptTraining<Prior> training{64};
                     return allocations_of_a_step(training);
                 });
             });
}

}  // namespace bench
