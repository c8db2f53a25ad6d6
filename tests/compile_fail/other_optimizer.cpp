// expect: Optimizer<
// expect: o.update\(params, grad\)
// expect: double>::Params
#include <tessera/gpt/gpt.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

using namespace tessera;

constexpr GptConfig config{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1};
using Prior = Gpt<config>;
#ifdef FIXED
using Other = Prior;
#else
using Other = Gpt<config, GptBlock<config.width, config.heads>, double>;
#endif

void train(Prior& prior, Prior::Batch batch) {
    Trainer<Prior, AdamW<Other::Params>> trainer{prior, AdamW<Other::Params>{}};
    trainer.step(batch);
}
