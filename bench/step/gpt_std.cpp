#include <bench/step/gpt.hpp>

#include <examples/support/default_nets.hpp>

namespace bench {

void add_gpt_std(Rows& rows) { add_training<digits::Std::Gpt2>(rows, "train-gpt/std", 64); }

}  // namespace bench
