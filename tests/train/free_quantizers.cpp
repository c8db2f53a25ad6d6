// Quantizers without a learned codebook, in a Trainer: several processes, which are threads here, end with the bits of
// one, and so does a run that is resumed between two batches of an accumulation.
#include <tessera/core/batch_share.hpp>
#include <tessera/train/trainer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/thread_communicator.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/vq/bsq.hpp>
#include <tessera/vq/gaussian_quant.hpp>
#include <tessera/vq/lfq.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

using namespace tessera;

namespace free_quantizers_test {

namespace {

template <std::size_t Channels>
struct Encoder : nn::Chain<support::TinyImage, nn::Conv2d<6, nn::halve4>, nn::Relu, nn::Conv2d<Channels, nn::halve4>> {
};
template <class Spec, std::size_t Channels>
struct Run {
    using Model = VqVae<Encoder<Channels>, Spec, support::TinyDecoder<float>>;
};
using LfqRun = Run<Lfq<4>, 4>;
using BsqRun = Run<Bsq<4>, 4>;
using GaussianRun = Run<GaussianQuant<64>, 8>;

const auto& data() {
    static const auto x = support::batch_of<float>(support::bars(140, 1));
    return x;
}

constexpr std::size_t sizes[] = {96, 70, 16, 5, 128, 40};

/// Two batches for each update. The state after `save_after` batches is written to `saved`, and a run may begin there.
template <class R, dist::Communicator Comm>
std::uint64_t train(Comm& communicator, std::size_t save_after = 0, Bytes* saved = nullptr, bool resume = false) {
    Rng rng{1};
    typename R::Model model{rng};
    Trainer<typename R::Model, AdamW<typename R::Model::Params>, Comm> trainer{
        model, AdamW{model, {.lr = 5e-3}}, {.clip_norm = 1, .accumulate = 2}, communicator};
    if (resume) {
        io::SafetensorsFile file{*saved, "state"};
        io::load(file, trainer);
    }
    for (std::size_t i = resume ? save_after : 0; i < std::size(sizes); ++i) {
        const std::size_t batch = sizes[i];
        const BatchShare mine = batch_share(batch, {.rank = communicator.rank(), .ranks = communicator.size()});
        trainer.step(data().view().slice(mine.first, mine.count));
        if (saved && !resume && i + 1 == save_after) *saved = io::collect(trainer).bytes();
    }
    return support::hash_state(trainer);
}

}  // namespace

TEST_CASE_TEMPLATE("free quantizers: one to three processes end with the bits of one", R, LfqRun, BsqRun, GaussianRun) {
    dist::Self self;
    const std::uint64_t one = train<R>(self);
    for (std::size_t size = 2; size <= 3; ++size) {
        CAPTURE(size);
        const auto all = support::run_ranks(size, [](support::ThreadCommunicator& c) { return train<R>(c); });
        CHECK(all == std::vector<std::uint64_t>(size, one));
    }
}

TEST_CASE_TEMPLATE("free quantizers: a run that is resumed, also amid an accumulation, ends with the same bits", R,
                   LfqRun, BsqRun, GaussianRun) {
    dist::Self self;
    const std::uint64_t whole = train<R>(self);
    for (const std::size_t after : {2, 3}) {
        CAPTURE(after);
        Bytes saved;
        CHECK(train<R>(self, after, &saved) == whole);
        CHECK(train<R>(self, after, &saved, true) == whole);
    }
}

}  // namespace free_quantizers_test
