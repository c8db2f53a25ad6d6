// Training on batches with a mask of pixels, in a Trainer: several processes, which are threads here, end with the bits
// of one, and so does a run that is resumed between two batches of an accumulation.
#include <tessera/core/batch_share.hpp>
#include <tessera/train/trainer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/message.hpp>
#include <support/thread_communicator.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/padded.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/lfq.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::TinyImage;

namespace masked_training_test {

namespace {

template <class Spec>
struct Run {
    using Model = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;
};
using CodebookRun = Run<Codebook<8>>;
using LfqRun = Run<Lfq<4>>;
using FsqRun = Run<Fsq<5, 5, 5, 5>>;  // exchanges no rows

struct Data {
    Tensor<float, TinyImage> x = support::batch_of<float>(support::bars(140, 1));
    Tensor<std::uint8_t, TinyImage> mask{140};

    Data() {
        Rng rng{5};
        for (std::size_t n = 0; n < 140; ++n) {  // images of 1 x 1 to 8 x 8 pixels
            const std::size_t height = 1 + rng.below(8), width = 1 + rng.below(8);
            for (std::size_t i = 0; i < 64; ++i) mask[n][i] = i / 8 < height && i % 8 < width;
        }
    }
};
const Data& data() {
    static const Data all;
    return all;
}

constexpr std::size_t sizes[] = {96, 70, 16, 5, 128, 40};

/// Two batches for each update; `masked(rank)` says whether this process gives a mask.
template <class R, dist::Communicator Comm, class Masked>
std::uint64_t train(Comm& communicator, Masked masked, std::size_t save_after = 0, Bytes* saved = nullptr,
                    bool resume = false) {
    using Model = typename R::Model;
    Rng rng{1};
    Model model{rng};
    Trainer<Model, AdamW<typename Model::Params>, Comm> trainer{
        model, AdamW{model, {.lr = 5e-3}}, {.clip_norm = 1, .accumulate = 2}, communicator};
    if (resume) {
        io::SafetensorsFile file{*saved, "state"};
        io::load(file, trainer);
    }
    for (std::size_t i = resume ? save_after : 0; i < std::size(sizes); ++i) {
        const BatchShare mine = batch_share(sizes[i], {.rank = communicator.rank(), .ranks = communicator.size()});
        const auto x = data().x.view().slice(mine.first, mine.count);
        if (masked(communicator.rank()))
            trainer.step({x, data().mask.view().slice(mine.first, mine.count)});
        else
            trainer.step(x);
        if (saved && !resume && i + 1 == save_after) *saved = io::collect(trainer).bytes();
    }
    return support::hash_state(trainer);
}
constexpr auto always = [](std::size_t) { return true; };

}  // namespace

TEST_CASE_TEMPLATE("masked training: one to three processes end with the bits of one", R, CodebookRun, LfqRun) {
    dist::Self self;
    const std::uint64_t one = train<R>(self, always);
    CHECK(one != train<R>(self, [](std::size_t) { return false; }));
    for (std::size_t size = 2; size <= 3; ++size) {
        CAPTURE(size);
        const auto all = support::run_ranks(size, [](support::ThreadCommunicator& c) { return train<R>(c, always); });
        CHECK(all == std::vector<std::uint64_t>(size, one));
    }
}

TEST_CASE_TEMPLATE("masked training: a run that is resumed, also amid an accumulation, ends with the same bits", R,
                   CodebookRun, LfqRun) {
    dist::Self self;
    const std::uint64_t whole = train<R>(self, always);
    for (const std::size_t after : {2, 3}) {
        CAPTURE(after);
        Bytes saved;
        CHECK(train<R>(self, always, after, &saved) == whole);
        CHECK(train<R>(self, always, after, &saved, true) == whole);
    }
}

TEST_CASE_TEMPLATE("masked training: a mask in one process only is refused in each, whatever the quantizer exchanges",
                   R, CodebookRun, LfqRun, FsqRun) {
    const auto messages_of = [](std::size_t size, std::size_t masked) {
        return support::run_ranks(size, [&](support::ThreadCommunicator& c) {
            return support::message<ArgumentError>(
                [&] { train<R>(c, [&](std::size_t rank) { return rank == masked; }); });
        });
    };
    const std::string begin = "Trainer: batch: mask: expected one in each process or in none, got ";
    CHECK(messages_of(2, 1) == std::vector<std::string>(2, begin + "one in rank 1 and none in rank 0"));
    CHECK(messages_of(3, 0) == std::vector<std::string>(3, begin + "one in rank 0 and none in rank 1"));
}

TEST_CASE("masked training: a step that was refused for its mask changes nothing, also later in a run") {
    using Model = FsqRun::Model;
    const auto messages = support::run_ranks(2, [](support::ThreadCommunicator& c) {
        Rng rng{1};
        Model model{rng};
        Trainer<Model, AdamW<Model::Params>, support::ThreadCommunicator> trainer{model, AdamW{model}, {}, c};
        const BatchShare mine = batch_share(64, {.rank = c.rank(), .ranks = 2});
        const auto x = data().x.view().slice(mine.first, mine.count);
        const auto mask = data().mask.view().slice(mine.first, mine.count);
        trainer.step({x, mask});
        const std::uint64_t before = support::hash_state(trainer);
        std::string text = support::message<ArgumentError>([&] {
            if (c.rank() == 0)
                trainer.step({x, mask});
            else
                trainer.step(x);
        });
        if (support::hash_state(trainer) != before) text += ", and the state differs";
        trainer.step(x);  // none in each
        if (trainer.steps() != 2) text += ", and the next step is not the second";
        return text;
    });
    for (const std::string& message : messages)
        CHECK(message == "Trainer: batch: mask: expected one in each process or in none, got one in rank 0 and none in "
                         "rank 1");
}

TEST_CASE("masked training: a process without samples has no mask to agree on") {
    const auto hashes = support::run_ranks(3, [](support::ThreadCommunicator& c) {
        using Model = FsqRun::Model;
        Rng rng{1};
        Model model{rng};
        Trainer<Model, AdamW<Model::Params>, support::ThreadCommunicator> trainer{model, AdamW{model}, {}, c};
        const BatchShare mine = batch_share(20, {.rank = c.rank(), .ranks = 3});
        trainer.step({data().x.view().slice(mine.first, mine.count), data().mask.view().slice(mine.first, mine.count)});
        return std::pair{support::hash_state(trainer), mine.count};
    });
    CHECK(hashes[2].second == 0);
    CHECK(hashes[0].first == hashes[2].first);
}

TEST_CASE("masked training: batches of Padded images carry their masks into a step") {
    using Small = data::Images<Shape<6, 5, 1>>;
    using Model = CodebookRun::Model;
    std::vector<std::uint8_t> bytes(40 * 30);
    Rng draw{2};
    for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(draw.below(256));
    const Small images{std::move(bytes)};
    const data::Padded<TinyImage, Small> padded{images};
    Rng a{1}, b{1}, c{1};
    Model one{a}, two{b}, three{c};
    Trainer carried{one, AdamW{one}}, given{two, AdamW{two}}, without{three, AdamW{three}};
    for (auto&& batch : batches(padded, 16, {.rng = Rng{3}})) {
        carried.step(batch);
        given.step({batch.x, batch.mask});
        without.step(batch.x);
    }
    CHECK(support::hash_state(carried) == support::hash_state(given));
    CHECK(support::hash_state(carried) != support::hash_state(without));
}

}  // namespace masked_training_test
