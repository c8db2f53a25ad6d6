#pragma once
// The second stage for one preset and one order: a GPT for each pair of vocabulary and context that occurs in the table
// of quantizers.

#include "nets.hpp"
#include "prior.hpp"
#include "prior_draw.hpp"
#include "progress.hpp"
#include "stage.hpp"
#include "system.hpp"
#include "text.hpp"

#include <tessera/core/error.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/any_order_gpt.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/sample_options.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/muon.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numbers>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace digits {

template <class Prior>
using Codes = ts::data::Tokens<Prior::context>;

template <class Prior>
Stage2 train_net(Prior& prior, const FirstStage& first, const Job& job) {
    const Stopwatch watch;
    const Recipe::Stage& recipe = job.recipe.prior;
    const auto codes = [](const Sequences& s) { return Codes<Prior>{s.tokens, s.labels, s.classes}; };
    const Codes<Prior> train = codes(first.train), test = codes(first.test);
    constexpr std::size_t context = Prior::context;
    Stage2 result;
    if (job.run.resumes(2)) result = job.run.stage2();
    const double seconds_before = result.seconds;
    result.batch = job.options.batch.value_or(recipe.batch);
    result.epochs = job.options.epochs_prior.value_or(recipe.epochs(train.size()));
    result.parameters = ts::parameter_count(prior.params());
    result.lr = recipe.lr;
    result.context = context;
    const std::size_t per_epoch = steps_of_epoch(train.size(), result.batch);
    result.steps = result.epochs * per_epoch;

    ts::Trainer trainer{prior,
                        ts::Muon{prior,
                                 {.lr = recipe.lr,
                                  .weight_decay = recipe.weight_decay,
                                  .beta2 = 0.99,
                                  .adamw_scale = job.recipe.adamw_scale}},
                        {.clip_norm = recipe.clip_norm, .seed = job.options.seed},
                        job.processes};
    if (job.run.resumes(2)) job.run.load(trainer);
    const ts::WarmupCosine rate = schedule(recipe, result.steps);
    const ts::Rng rng = ts::Rng{job.options.seed}.split(stream_batches2);
    Averager nats{result.train_nats, result.next_nats, result.steps};
    Progress progress{"stage 2", "tokens",
                      left(result.steps, trainer.steps()) *
                          static_cast<double>(std::min(result.batch, train.size()) * context)};

    while (trainer.steps() < result.steps) {
        const std::size_t epoch = trainer.steps() / per_epoch;
        for (auto&& batch : ts::batches(train, result.batch,
                                        epoch_order(train.size(), result.batch, rng.split(epoch),
                                                    trainer.steps() % per_epoch, job.processes))) {
            const Stopwatch step;
            trainer.optimizer().set_lr(rate(trainer.steps()));
            const auto report = trainer.step(batch);
            nats.add(static_cast<double>(trainer.steps()) / static_cast<double>(per_epoch), report.loss);
            progress.advance(static_cast<double>(std::min(result.batch, train.size()) * context), step.seconds(),
                             epoch_of(epoch, result.epochs) + "  loss " + fixed(report.loss, 3) + " nats/token");
            if (trainer.steps() % per_epoch == 0) {
                result.test_nats_per_token = prior.evaluate(test);
                result.test_nats_curve.push_back({static_cast<double>(epoch + 1), result.test_nats_per_token});
            }
            if (!job.run.is_due(trainer.steps(), result.steps)) continue;
            result.seconds = seconds_before + watch.seconds();
            job.run.save(first.figures.steps + trainer.steps(), ts::io::collect(first.state, trainer, job.run.facts()),
                         first.figures, &result);
        }
    }
    progress.finish();
    result.test_bits_per_image = result.test_nats_per_token * static_cast<double>(context) / std::numbers::ln2;
    result.tokens_per_second = progress.per_second();
    result.seconds = seconds_before + watch.seconds();
    std::printf("stage 2  test %.3f nats/token%s, %.1f bits/image, %.1f s\n", result.test_nats_per_token,
                AnyOrder<Prior> ? " in random order" : "", result.test_bits_per_image, result.seconds);
    return result;
}

template <class Prior>
void draw_tokens(const Prior& prior, const Job& job, const Draw& draw, PriorResult& result) {
    const Stopwatch watch;
    ts::Rng rng = ts::Rng{job.options.seed}.split(stream_samples);
    const ts::SampleOptions options{.temperature = draw.sampling.temperature,
                                    .top_k = draw.sampling.top_k,
                                    .top_p = draw.sampling.top_p,
                                    .min_p = draw.sampling.min_p,
                                    .guidance = draw.sampling.guidance};
    const auto codes = draw_images(prior.freeze(), draw, options, rng);
    const auto all = codes.view().span();
    result.samples.assign(all.begin(), all.end());
    result.seconds = watch.seconds();
}

template <class Prior>
PriorResult train_and_draw(const Job& job, FirstStage first, const Outcome& outcome, const Draw& draw) {
    ts::Rng rng = ts::Rng{job.options.seed}.split(stream_prior);
    // images without classes are all of the null class
    Prior prior{rng, {.label_dropout = first.train.labels.empty() ? 1 : job.label_dropout()}};
    PriorResult result;
    result.figures = train_net(prior, first, job);

    auto file = ts::io::collect(std::move(first.state), prior);
    std::string names;
    for (const std::string& name : outcome.class_names) names += name + '\n';
    file.metadata("tessera.digits.preset", outcome.preset);
    file.metadata("tessera.digits.quantizer", outcome.quantizer);
    file.metadata("tessera.digits.class_names", names);
    if (job.order == Order::any) file.metadata("tessera.digits.order", name(job.order));
    if (!job.output.silent()) file.write(job.output.path(model_file));

    job.run.stop_if_asked();
    draw_tokens(prior, job, draw, result);
    return result;
}

template <class Prior>
PriorResult load_and_draw(const Job& job, const Draw& draw) {
    ts::io::SafetensorsFile file{job.options.load};
    ts::Rng unused{0};
    // The label dropout of its training says whether the prior knows the null class, which guidance needs, and
    // sequences without a class.
    const bool has_classes = !draw.labels.empty() || !draw.completion.class_names.empty();
    Prior prior{unused, {.label_dropout = has_classes ? label_dropout_of(file, job.order) : 1}};
    ts::io::load(file, {.accept = {ts::io::everything}}, prior);  // other options of training do not matter here
    PriorResult result;
    draw_tokens(prior, job, draw, result);
    return result;
}

template <std::size_t N>
struct PriorSizes {
    std::array<PriorSize, N> all{};
    std::size_t count = 0;
};

/// The sizes of the priors of all quantizers in the table, each once.
template <Preset P>
constexpr auto sizes_of_priors() {
    PriorSizes<quantizer_count> sizes;
    const auto add = [&](PriorSize size) {
        const auto end = sizes.all.begin() + static_cast<std::ptrdiff_t>(sizes.count);
        if (std::find(sizes.all.begin(), end, size) == end) sizes.all[sizes.count++] = size;
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (add({Chosen<I, P>::template Bound<>::codes, Chosen<I, P>::template Bound<>::tokens}), ...);
    }
    (std::make_index_sequence<quantizer_count>{});
    return sizes;
}

template <Preset P>
inline constexpr auto prior_sizes = sizes_of_priors<P>();
template <Preset P, Order O, std::size_t I>
struct PriorAt {
    static constexpr PriorSize size = prior_sizes<P>.all[I];
    static constexpr ts::GptConfig config = PriorNet<P, size.vocab, size.context>::config;
    using type = std::conditional_t<O == Order::any, ts::AnyOrderGpt<config>, ts::Gpt<config>>;
};

/// f.operator()<Prior>() for the prior of this size.
template <Preset P, Order O, class F, std::size_t... I>
auto with_prior(PriorSize size, F&& f, std::index_sequence<I...>) {
    std::optional<decltype(f.template operator()<typename PriorAt<P, O, 0>::type>())> result;
    static_cast<void>((
        (PriorAt<P, O, I>::size == size && (result = f.template operator()<typename PriorAt<P, O, I>::type>(), true)) ||
        ...));
    if (!result) throw ts::StateError("digits: the table of quantizers has no prior of this size");
    return *std::move(result);
}
template <Preset P, Order O, class F>
auto with_prior(PriorSize size, F&& f) {
    return with_prior<P, O>(size, f, std::make_index_sequence<prior_sizes<P>.count>{});
}

template <Preset P, Order O>
PriorResult train_prior(PriorSize size, const Job& job, FirstStage first, const Outcome& outcome, const Draw& draw) {
    return with_prior<P, O>(size,
                            [&]<class Prior>() { return train_and_draw<Prior>(job, std::move(first), outcome, draw); });
}
template <Preset P, Order O>
PriorResult sample_prior(PriorSize size, const Job& job, const Draw& draw) {
    return with_prior<P, O>(size, [&]<class Prior>() { return load_and_draw<Prior>(job, draw); });
}

}  // namespace digits
