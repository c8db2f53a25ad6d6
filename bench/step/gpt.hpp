#pragma once
// train-gpt/<preset>          tokens per second of whole training steps, 64 sequences of 49: forward, backward,
//                             clipping, AdamW
// scale-sequences/<sequences>     the small net with few sequences
// scale-context/<tokens>      the small net with longer sequences, 32 of them
// allocations/train-gpt       calls of operator new per step, after the first two
//
// Peers: PyTorch with the same net (GPT-2's block, scaled_dot_product_attention), eager and compiled.
//
// Tried and rejected (whole step, small / std, one core unless stated otherwise):
//     fork and join in every kernel, spinning      as fast on two free cores, slower than one thread when one is busy
//     huge pages                                   1 to 3 % gained
//     16 sequences per pass at width 128           3 % slower; at width 256 1.1 times as fast, and used there
//     groups of 8 instead of 16                    0 to 10 % slower on two cores, though no core then waits
//     GELU as a separate pass over all rows        64 instead of 70 % of the peak in the first product of the block
//     denormals not flushed to zero                that product falls from 70 to 8 % of the peak

#include <bench/rows.hpp>
#include <bench/support/data.hpp>
#include <bench/support/flops.hpp>

#include <tessera/gpt/gpt.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <cstddef>
#include <string>

namespace bench {

namespace ts = tessera;

template <class Prior>
class GptTraining {
    static constexpr std::size_t store = 8;  // batches

public:
    explicit GptTraining(std::size_t batch)
        : batch_{batch}, tokens_{tokens(store * batch * Prior::context, Prior::vocab)},
          prior_{rng_, {.label_dropout = 1}}, trainer_{prior_, ts::AdamW{prior_, {.lr = 3e-4}}, {.clip_norm = 1}} {}

    void step() {
        trainer_.step({{tokens_.data() + next_ * batch_ * Prior::context, batch_}, {}});
        next_ = (next_ + 1) % store;
    }

private:
    std::size_t batch_, next_ = 0;
    std::vector<ts::Token> tokens_;
    ts::Rng rng_{1};
    Prior prior_;
    ts::Trainer<Prior, ts::AdamW<typename Prior::Params>> trainer_;
};

template <class Prior>
void add_training(Rows& rows, const std::string& name, std::size_t batch) {
    const double count = static_cast<double>(batch * Prior::context);
    rows.add({.name = name,
              .figure = per_second("tokens", count),
              .flops = count * GptFlops<Prior::config>::training,
              .parallel = true},
             [batch](Meter& meter) {
                 GptTraining<Prior> training{batch};
                 meter.time([&] { training.step(); });
             });
}

}  // namespace bench
