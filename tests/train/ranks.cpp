// Several processes, which are threads here, train one model: they end with the bits of one process.
#include <tessera/train/trainer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/thread_communicator.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/dist/broadcast_state.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/loss/gaussian_nll.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;
using support::ThreadCommunicator;

namespace ranks_test {

namespace {

constexpr std::size_t sizes[] = {128, 96, 70, 16, 5};

// Samples first .. first + count of the whole data: what one process passes to a step.
struct Images {
    Tensor<float, support::TinyImage> x = support::batch_of<float>(bars(140, 1));
    View<const float, support::TinyImage> slice(std::size_t first, std::size_t count) const {
        return std::as_const(x).view().slice(first, count);
    }
};
template <class Spec>
struct VaeRun {
    using Model = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;
    Images data{};
    static Model model(std::uint64_t seed = 1) {
        Rng rng{seed};
        return Model{rng};
    }
};
// Encoder and decoder drop features, and the loss has a parameter that is learned.
using Dropped = nn::Dropout<nn::Probability{.percent = 20}>;
struct DroppingEncoder
    : nn::Chain<support::TinyImage, nn::Conv2d<6, nn::halve4>, nn::Relu, Dropped, nn::Conv2d<4, nn::halve4>> {};
struct DroppingDecoder : nn::Chain<Shape<2, 2, 4>, nn::ConvTranspose2d<5, nn::double4>, nn::Relu, Dropped,
                                   nn::ConvTranspose2d<1, nn::double4>, nn::Sigmoid> {};
struct FsqRun {
    using Model = VqVae<DroppingEncoder, Fsq<4, 3, 3, 5>, DroppingDecoder, GaussianNll>;
    Images data{};
    static Model model(std::uint64_t seed = 1) {
        Rng rng{seed};
        return Model{rng};
    }
};
using ResidualRun = VaeRun<ResidualVq<Codebook<8>, 2>>;
// Many vectors die and are revived.
struct RevivingRun : VaeRun<Codebook<32>> {
    static Model model(std::uint64_t seed = 1) {
        Rng rng{seed};
        return Model{rng, {.ema = {.decay = 0.5}, .revive = {.below = 0.8, .grace = 1}}};
    }
};
constexpr GptConfig prior_config{
    .vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1, .classes = 3, .dropout_percent = 20};
struct Sequences {
    data::Tokens<5> x = support::sequences<prior_config>(140, 1);
    Gpt<prior_config>::Batch slice(std::size_t first, std::size_t count) const {
        return {x.view().slice(first, count), x.labels().subspan(first, count), 0};
    }
};
struct PriorRun {
    using Model = Gpt<prior_config>;
    Sequences data{};
    static Model model(std::uint64_t seed = 1) {
        Rng rng{seed};
        return Model{rng, {.label_dropout = 0.4, .token_corruption = 0.3}};
    }
};

template <class Run>
using OptimizerOf = AdamW<typename Run::Model::Params>;
template <class Run, class Comm>
using TrainerOf = Trainer<typename Run::Model, OptimizerOf<Run>, Comm>;

template <class Run, dist::Communicator Comm>
TrainerOf<Run, Comm> trainer_of(typename Run::Model& model, TrainerOptions options, Comm& communicator) {
    return {model, AdamW{model, {.lr = 5e-3}}, options, communicator};
}

// One step with this rank's samples of a batch, which begins at `first` of the data.
template <class Run, class Trainer, dist::Communicator Comm>
auto step(const Run& run, Trainer& trainer, const Comm& communicator, std::size_t first, std::size_t batch) {
    const BatchShare share = batch_share(batch, {.rank = communicator.rank(), .ranks = communicator.size()});
    return trainer.step(run.data.slice(first + share.first, share.count));
}

struct Result {
    std::uint64_t hash = 0;
    std::vector<double> losses{}, norms{};
};

template <class Run, dist::Communicator Comm>
Result train(const Run& run, Comm& communicator, const TrainerOptions& options, int passes = 1) {
    auto model = Run::model();
    auto trainer = trainer_of<Run>(model, options, communicator);
    Result result;
    for (int pass = 0; pass < passes; ++pass)
        for (const std::size_t batch : sizes) {
            const auto report = step(run, trainer, communicator, batch == 128 ? 0 : batch / 3, batch);
            result.losses.push_back(report.loss);
            result.norms.push_back(report.grad_norm);
        }
    result.hash = support::hash_state(trainer);
    return result;
}

template <class Run>
void ends_in_the_bits_of_one(const TrainerOptions& options = {.clip_norm = 1}, int passes = 1) {
    const Run run;
    dist::Self self;
    const Result one = train(run, self, options, passes);
    for (std::size_t size = 1; size <= 4; ++size) {
        CAPTURE(size);
        const auto all =
            support::run_ranks(size, [&](ThreadCommunicator& c) { return train(run, c, options, passes); });
        for (const Result& result : all) {
            CHECK(result.hash == one.hash);
            CHECK(result.norms == one.norms);
            double worst = 0;  // sums of sums: a report may differ in the last bits
            for (std::size_t i = 0; i < one.losses.size(); ++i)
                worst = support::larger(worst, std::abs(result.losses[i] - one.losses[i]));
            CHECK(worst < 1e-12);
        }
    }
}

// The messages of E, by rank; "" where a rank has thrown none.
template <class E, class F>
std::vector<std::string> messages(std::size_t size, F f) {
    return support::run_ranks(size, [&](ThreadCommunicator& c) { return support::message<E>([&] { f(c); }); });
}

}  // namespace

TEST_CASE_TEMPLATE("Ranks: one to four processes end with the bits of one, for any batch size", Run, RevivingRun,
                   FsqRun, ResidualRun, PriorRun) {
    ends_in_the_bits_of_one<Run>({.clip_norm = 1}, 2);
}

TEST_CASE_TEMPLATE("Ranks: they do so where batches of any size are accumulated", Run, RevivingRun, PriorRun) {
    ends_in_the_bits_of_one<Run>({.accumulate = 2}, 2);
}

TEST_CASE("Ranks: vectors of the codebook are revived in these runs") {
    const RevivingRun run;
    auto model = RevivingRun::model();
    dist::Self self;
    auto trainer = trainer_of<RevivingRun>(model, {}, self);
    std::size_t revived = 0;
    for (const std::size_t batch : sizes) {
        const auto before = model.buffers().book.grace;
        step(run, trainer, self, 0, batch);
        for (std::size_t k = 0; k < 32; ++k) revived += model.buffers().book.grace[k] > before[k] ? 1 : 0;
    }
    CHECK(revived > 5);
}

TEST_CASE("Ranks: processes with different weights are all refused, and have the same weights after a broadcast") {
    const PriorRun run;
    const auto refused = messages<ArgumentError>(3, [&](ThreadCommunicator& c) {
        auto model = PriorRun::model(c.rank() == 2 ? 7 : 1);
        auto trainer = trainer_of<PriorRun>(model, {}, c);
        step(run, trainer, c, 0, 96);
    });
    CHECK(refused ==
          std::vector<std::string>(3, "Trainer: the processes have different weights, state or options: expected the "
                                      "same seed and options in each, or dist::broadcast_state before the first step"));
    const auto other_seed = messages<ArgumentError>(2, [&](ThreadCommunicator& c) {
        auto model = PriorRun::model();
        auto trainer = trainer_of<PriorRun>(model, {.seed = c.rank()}, c);
        step(run, trainer, c, 0, 96);
    });
    CHECK(other_seed == std::vector<std::string>(2, refused[0]));
    // "1", "10" and "11", "0" have the same characters
    const auto other_options = messages<ArgumentError>(2, [&](ThreadCommunicator& c) {
        auto model = PriorRun::model();
        const TrainerOptions options = c.rank() == 0 ? TrainerOptions{.clip_norm = 1, .reject_above = 10}
                                                     : TrainerOptions{.clip_norm = 11, .reject_above = 0};
        auto trainer = trainer_of<PriorRun>(model, options, c);
        step(run, trainer, c, 0, 96);
    });
    CHECK(other_options == std::vector<std::string>(2, refused[0]));
    const auto hashes = support::run_ranks(3, [&](ThreadCommunicator& c) {
        auto model = PriorRun::model(c.rank());
        auto trainer = trainer_of<PriorRun>(model, {.seed = 3}, c);
        CHECK_THROWS_AS(step(run, trainer, c, 0, 96), ArgumentError);
        dist::broadcast_state(c, 0, trainer);
        step(run, trainer, c, 0, 96);
        return support::hash_state(trainer);
    });
    CHECK(hashes == std::vector<std::uint64_t>(3, hashes[0]));
}

TEST_CASE("Ranks: shares that cannot give the bits of one process are refused by all processes, and nothing changes") {
    const PriorRun run;
    const auto refused = [&](const std::vector<std::size_t>& counts) {
        std::size_t unchanged = 0;
        const auto all = support::run_ranks(counts.size(), [&](ThreadCommunicator& c) {
            auto model = PriorRun::model();
            auto trainer = trainer_of<PriorRun>(model, {}, c);
            const auto before = support::hash_state(trainer);
            std::string text =
                support::message<ArgumentError>([&] { trainer.step(run.data.slice(0, counts[c.rank()])); });
            if (!text.empty() && support::hash_state(trainer) != before) text += " (the trainer has changed)";
            return text;
        });
        for (const std::string& text : all) unchanged += text == all[0] ? 1 : 0;
        return unchanged == all.size() ? all[0] : "not all ranks say the same";
    };
    const std::string expected =
        " samples: expected all but the last ones to hold the same number, 16 times a power of two, "
        "and the last ones no more";
    CHECK(refused({20, 20}) == "Trainer: batch: ranks 0 and 1 hold 20 and 20" + expected);
    CHECK(refused({16, 32}) == "Trainer: batch: ranks 0 and 1 hold 16 and 32" + expected);
    CHECK(refused({48, 48}) == "Trainer: batch: ranks 0 and 1 hold 48 and 48" + expected);
    CHECK(refused({32, 16, 16}) == "Trainer: batch: ranks 1 and 2 hold 16 and 16" + expected);
    CHECK(refused({0, 16}) == "Trainer: batch: ranks 0 and 1 hold 0 and 16" + expected);
    CHECK(refused({32, 0, 32}) == "Trainer: batch: ranks 1 and 2 hold 0 and 32" + expected);
    CHECK(refused({0, 0}) == "Trainer: batch: expected at least one sample, got 0");
    CHECK(refused({32, 32, 5}) == "");
    CHECK(refused({64, 40, 0}) == "");
    CHECK(refused({20, 0, 0}) == "");
}

TEST_CASE("Ranks: a gradient that is an outlier is refused by all processes, which then continue with the same bits") {
    RevivingRun good, spike;
    for (float& v : spike.data.x[40]) v *= 1e6f;  // one image, which one process holds
    const TrainerOptions options{.clip_norm = 1, .reject_spikes = 10};
    const auto run = [&](auto& communicator) {
        auto model = RevivingRun::model();
        auto trainer = trainer_of<RevivingRun>(model, options, communicator);
        for (int i = 0; i < 10; ++i) step(good, trainer, communicator, 0, 64);
        const auto before = support::hash_state(trainer);
        const std::string text = support::message<NumericError>([&] { step(spike, trainer, communicator, 0, 64); });
        CHECK(text.starts_with("Trainer: step 10: gradient: norm: expected at most 10 times the usual "));
        CHECK(support::hash_state(trainer) == before);
        step(good, trainer, communicator, 0, 64);
        return support::hash_state(trainer);
    };
    dist::Self self;
    const auto one = run(self);
    for (const std::uint64_t hash : support::run_ranks(4, [&](ThreadCommunicator& c) { return run(c); }))
        CHECK(hash == one);
}

TEST_CASE("Ranks: an error in one process ends the step of all, and a host that catches it can continue") {
    RevivingRun good, bad;
    bad.data.x[40][5] = std::numeric_limits<float>::quiet_NaN();
    const auto run = [&](auto& communicator) {
        auto model = RevivingRun::model();
        auto trainer = trainer_of<RevivingRun>(model, {}, communicator);
        step(good, trainer, communicator, 0, 64);
        const auto before = support::hash_state(trainer);
        std::string text;
        try {
            step(bad, trainer, communicator, 0, 64);
        } catch (const Error& e) {
            text = e.what();
        }
        const bool own = communicator.size() == 1 || communicator.rank() == 2;  // sample 40 of groups of 16
        CHECK(support::contains(text, own ? "VqVae: image 40 of the batch: value 5: "
                                          : "Trainer: rank 2 cannot take this step"));
        CHECK(support::hash_state(trainer) == before);
        step(good, trainer, communicator, 64, 64);
        return support::hash_state(trainer);
    };
    dist::Self self;
    const auto one = run(self);
    for (const std::uint64_t hash : support::run_ranks(4, [&](ThreadCommunicator& c) { return run(c); }))
        CHECK(hash == one);
}

TEST_CASE("Ranks: where one process throws, the others do not wait forever") {
    RevivingRun run;
    run.data.x[40][5] = std::numeric_limits<float>::quiet_NaN();
    std::string text;
    try {
        support::run_ranks(4, [&](ThreadCommunicator& c) {
            auto model = RevivingRun::model();
            auto trainer = trainer_of<RevivingRun>(model, {}, c);
            step(run, trainer, c, 0, 64);
        });
    } catch (const NumericError& e) {
        text = e.what();
    }
    // all refuse the vectors that they gathered, and the one that has the image names it
    CHECK(text.starts_with("Trainer: step 0: VqVae: "));
    CHECK((support::contains(text, "VqVae: image 40 of the batch: value 5: ") ||
           support::contains(text, "VqVae: encoder output 640: ")));
    CHECK(text.ends_with("expected a finite number, got nan"));
}

TEST_CASE_TEMPLATE("Ranks: a checkpoint of four processes continues in one process with the same bits, and the reverse",
                   Run, RevivingRun, FsqRun, PriorRun) {
    const Run run;
    for (const std::size_t accumulate : {1u, 2u}) {
        const TrainerOptions options{.clip_norm = 1, .reject_spikes = 1000, .accumulate = accumulate};
        constexpr std::size_t before = 3;  // batches; an accumulation is under way
        const auto steps = [&](auto& trainer, auto& communicator, std::size_t from, std::size_t to) {
            for (std::size_t i = from; i < to; ++i) step(run, trainer, communicator, i, sizes[i % 5]);
        };
        dist::Self self;
        auto model = Run::model();
        auto whole = trainer_of<Run>(model, options, self);
        steps(whole, self, 0, before);
        const Bytes of_one = io::collect(whole).bytes();
        steps(whole, self, before, 8);
        const auto expected = support::hash_state(whole);

        const auto files = support::run_ranks(4, [&](ThreadCommunicator& c) {
            auto mine = Run::model();
            auto trainer = trainer_of<Run>(mine, options, c);
            steps(trainer, c, 0, before);
            return io::collect(trainer).bytes();
        });
        for (const Bytes& file : files) CHECK(file == of_one);
        auto resumed_model = Run::model();
        auto resumed = trainer_of<Run>(resumed_model, options, self);
        io::SafetensorsFile file{Bytes{files[0]}, "state"};
        io::load(file, resumed);
        steps(resumed, self, before, 8);
        CHECK(support::hash_state(resumed) == expected);

        const auto hashes = support::run_ranks(4, [&](ThreadCommunicator& c) {
            auto mine = Run::model();
            auto trainer = trainer_of<Run>(mine, options, c);
            io::SafetensorsFile own{Bytes{of_one}, "state"};
            io::load(own, trainer);
            steps(trainer, c, before, 8);
            return support::hash_state(trainer);
        });
        for (const std::uint64_t hash : hashes) CHECK(hash == expected);
    }
}

}  // namespace ranks_test
