// Codebooks whose vectors come from a net, with many that die, in a Trainer: any number of threads, several processes,
// which are threads here, and a run that is resumed between two batches of an accumulation end with the same bits.
#include <tessera/core/batch_share.hpp>
#include <tessera/train/trainer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/thread_communicator.hpp>
#include <support/threads.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/vq/policy/bridge.hpp>
#include <tessera/vq/policy/sim_vq.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace tessera;

namespace bridged_codebooks_test {

namespace {

template <class Learning>
using Model = VqVae<support::TinyEncoder<float>, Codebook<32, Learning>, support::TinyDecoder<float>>;
using Bridged = vq::Bridge<nn::Residual<nn::Linear<8>, nn::Gelu, nn::Linear<4>>>;

const auto& data() {
    static const auto x = support::batch_of<float>(support::bars(140, 1));
    return x;
}

constexpr std::size_t sizes[] = {96, 70, 16, 5, 128, 40, 96, 17};

/// Two batches for each update. The state after `save_after` batches is written to `saved`, and a run may begin there.
template <class Learning, dist::Communicator Comm>
std::uint64_t train(Comm& communicator, std::size_t save_after = 0, Bytes* saved = nullptr, bool resume = false,
                    double below = 0.8) {
    using Vae = Model<Learning>;
    Rng rng{1};
    Vae model{rng, {.ema = {.decay = 0.5}, .revive = {.below = below, .grace = 1}}};
    Trainer<Vae, AdamW<typename Vae::Params>, Comm> trainer{
        model, AdamW{model, {.lr = 5e-3}}, {.clip_norm = 1, .accumulate = 2}, communicator};
    if (resume) {
        io::SafetensorsFile file{*saved, "state"};
        io::load(file, trainer);
    }
    for (std::size_t i = resume ? save_after : 0; i < std::size(sizes); ++i) {
        const BatchShare mine = batch_share(sizes[i], {.rank = communicator.rank(), .ranks = communicator.size()});
        trainer.step(data().view().slice(mine.first, mine.count));
        if (saved && !resume && i + 1 == save_after) *saved = io::collect(trainer).bytes();
    }
    return support::hash_state(trainer);
}
template <class Learning>
std::uint64_t train_alone() {
    dist::Self self;
    return train<Learning>(self);
}

}  // namespace

TEST_CASE_TEMPLATE("bridged codebooks: one to eight threads end with the same bits", Learning, vq::SimVq, Bridged) {
    dist::Self self;
    const std::uint64_t expected = train_alone<Learning>();
    for (const std::size_t threads : {1, 2, 3, 8}) {
        CAPTURE(threads);
        CHECK(support::with_threads(threads, [] { return train_alone<Learning>(); }) == expected);
    }
    // and vectors have been revived
    CHECK(train<Learning>(self, 0, nullptr, false, 0.0) != expected);
}

TEST_CASE_TEMPLATE("bridged codebooks: one to three processes end with the bits of one", Learning, vq::SimVq, Bridged) {
    const std::uint64_t one = train_alone<Learning>();
    for (std::size_t size = 2; size <= 3; ++size) {
        CAPTURE(size);
        const auto all = support::run_ranks(size, [](support::ThreadCommunicator& c) { return train<Learning>(c); });
        CHECK(all == std::vector<std::uint64_t>(size, one));
    }
}

TEST_CASE_TEMPLATE("bridged codebooks: a run that is resumed, also amid an accumulation, ends with the same bits",
                   Learning, vq::SimVq, Bridged) {
    dist::Self self;
    const std::uint64_t whole = train_alone<Learning>();
    for (const std::size_t after : {2, 4, 5}) {
        CAPTURE(after);
        Bytes saved;
        CHECK(train<Learning>(self, after, &saved) == whole);
        CHECK(train<Learning>(self, after, &saved, true) == whole);
    }
}

}  // namespace bridged_codebooks_test
