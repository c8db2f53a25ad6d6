#include <bench/step/vq_vae.hpp>
#include <bench/support/allocations.hpp>

namespace bench {

void add_vq_vae_small(Rows& rows) {
    using Vae = digits::Small::Vae;
    using Flops = VqVaeFlops<64, 32, 256, 28>;
    add_training<Vae, Flops>(rows, "train-vqvae/small", 128);
    for (const std::size_t batch : {4, 16, 32, 64, 256})
        add_training<Vae, Flops>(rows, "scale-batch/" + std::to_string(batch), batch);
    rows.add({.name = "allocations/train-vqvae", .figure = plain("allocations/step"), .parallel = true},
             [](Meter& meter) {
                 meter.value([] {
                     VqVaeTraining<Vae> training{128};
                     return allocations_of_a_step(training);
                 });
             });
}

}  // namespace bench
