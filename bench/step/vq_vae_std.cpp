#include <bench/step/vq_vae.hpp>
#include <bench/support/allocations.hpp>

namespace bench {

void add_vq_vae_std(Rows& rows) {
    using Vae = digits::Std::Vae;
    add_training<Vae, VqVaeFlops<128, 64, 512, 28>>(rows, "train-vqvae/std", 128);
    rows.add({.name = "peak-memory/train-std", .figure = plain("MiB"), .alone = true, .parallel = true},
             [](Meter& meter) {
                 meter.value([] {
                     VqVaeTraining<Vae> training{128};
                     for (int i = 0; i < 10; ++i) training.step();
                     return peak_memory();
                 });
             });
}

}  // namespace bench
