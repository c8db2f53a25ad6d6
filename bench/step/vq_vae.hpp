#pragma once
// train-vqvae/<preset>            images per second of whole training steps, batch 128: forward, lookup, backward,
//                                 moving averages of the codebook, Adam
// scale-batch/<images>            the small net with other batch sizes
// scale-image/<side>              a small net on images of 28 x 28 and 56 x 56, batch 64
// allocations/train-vqvae         calls of operator new per step, after the first two
// peak-memory/train-std           largest resident size of a process that takes ten steps of train-vqvae/std
//
// Peers: PyTorch with the same nets (same parameters, batch, optimiser), eager, channels_last and compiled.
//
// Tried and rejected (share of the peak of two cores for the whole step of std / small):
//     fork and join in every layer                           64 / 52 % instead of 86 / 81
//     shards of 16 images through the whole net at once      78 / 72 %: activations leave L2
//     forward and dx by shards, weights over the batch       76 / 69 %
//     blocks of 1, 2, 8, 16 images instead of 4 (one core)   82, 86, 84, 80 instead of 86 % (std)
//     groups of 8, 32 instead of 16                          1 point lost; equal
//     threads that share a group: 8 blocks of 16 images         as fast on two threads as 4 (1.72 times one thread);
//     instead of 4                                           GPT std loses 8 % on one thread
//     the same, sleeping after 10 us instead of 100 us       1.4 instead of 1.75 times one thread
//     ReLU, bias and residual as separate passes             1.5 to 2 points lost
//     huge pages                                             no change
//     blocks of 8 instead of 4 images on Zen 3               80 instead of 81 % (small), equal (std)

#include <bench/rows.hpp>
#include <bench/support/data.hpp>
#include <bench/support/flops.hpp>

#include <examples/support/default_nets.hpp>

#include <tessera/optim/adam.hpp>
#include <tessera/train/trainer.hpp>

#include <cstddef>
#include <string>

namespace bench {

namespace ts = tessera;

/// A VQ-VAE in training; its images are several batches.
template <class Vae>
class VqVaeTraining {
    static constexpr std::size_t store = 8;  // batches

public:
    explicit VqVaeTraining(std::size_t batch)
        : batch_{batch}, images_{pixels(store * batch * Vae::Input::size)}, vae_{rng_, {.kmeans = false}},
          trainer_{vae_, ts::Adam{vae_, {.lr = 1e-3}}} {}

    void step() {
        trainer_.step({images_.data() + next_ * batch_ * Vae::Input::size, batch_});
        next_ = (next_ + 1) % store;
    }

private:
    std::size_t batch_, next_ = 0;
    ts::Buffer<float> images_;
    ts::Rng rng_{1};
    Vae vae_;
    ts::Trainer<Vae, ts::Adam<typename Vae::Params>> trainer_;
};

template <class Vae, class Flops>
void add_training(Rows& rows, const std::string& name, std::size_t batch) {
    rows.add({.name = name,
              .figure = per_second("images", static_cast<double>(batch)),
              .flops = static_cast<double>(batch) * Flops::training,
              .parallel = true},
             [batch](Meter& meter) {
                 VqVaeTraining<Vae> training{batch};
                 meter.time([&] { training.step(); });
             });
}

}  // namespace bench
