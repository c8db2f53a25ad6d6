#pragma once
// The second stage for one preset: a GPT for each pair of vocabulary and context that occurs in the table of
// quantizers.

#include "nets.hpp"
#include "prior.hpp"
#include "progress.hpp"
#include "stage.hpp"
#include "system.hpp"
#include "text.hpp"

#include <tessera/core/error.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/complete.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/gpt/sequence_nats.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numbers>
#include <optional>
#include <span>
#include <string>
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
                        ts::AdamW{prior, {.lr = recipe.lr, .beta2 = 0.99, .weight_decay = recipe.weight_decay}},
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
    std::printf("stage 2  test %.3f nats/token, %.1f bits/image, %.1f s\n", result.test_nats_per_token,
                result.test_bits_per_image, result.seconds);
    return result;
}

/// For each image the class that makes its known tokens most probable: Bayes' rule with equally probable classes. The
/// tokens of which only a part is known count, too: of 1,000 bundled test digits 81.9 % get their class, without these
/// tokens 78.4 %, and 88.3 % where the lower half is not hidden from the encoder.
template <class Frozen, class Given>
std::vector<ts::Label> likeliest_classes(const Frozen& prior, Given given, const Completion& completion) {
    const std::size_t pictures = given.batch() / completion.repeats;
    std::vector<ts::Token> tokens;  // of each picture once
    for (std::size_t n = 0; n < pictures; ++n) {
        const auto picture = given[n * completion.repeats];
        tokens.insert(tokens.end(), picture.begin(), picture.end());
    }
    std::vector<std::vector<double>> of_class;
    for (std::uint32_t c = 0; c < completion.class_names.size(); ++c) {
        const std::vector<ts::Label> each(pictures, ts::Label{c});
        of_class.push_back(
            ts::sequence_nats(prior, Given{tokens.data(), pictures}, each, completion.known + completion.half_known));
    }
    std::vector<ts::Label> labels;
    for (std::size_t n = 0; n < pictures; ++n) {
        std::vector<double> nats;
        for (const std::vector<double>& all : of_class) nats.push_back(all[n]);
        const auto best = static_cast<std::size_t>(std::ranges::min_element(nats) - nats.begin());
        double total = 0;
        for (const double x : nats) total += std::exp(nats[best] - x);
        std::printf("%s: class %s, %s %%\n", completion.names[n].c_str(), completion.class_names[best].c_str(),
                    fixed(100 / total, 1).c_str());
        labels.insert(labels.end(), completion.repeats, ts::Label{static_cast<std::uint32_t>(best)});
    }
    return labels;
}

template <class Prior>
void draw_tokens(const Prior& prior, const Job& job, const Draw& draw, PriorResult& result) {
    const Stopwatch watch;
    ts::Rng rng = ts::Rng{job.options.seed}.split(stream_samples);
    const auto frozen = prior.freeze();
    const Completion& completion = draw.completion;
    const ts::View<const ts::Token, ts::Shape<Prior::context>> given{completion.tokens.data(), draw.sampling.count};
    std::vector<ts::Label> labels = draw.labels;
    if (!completion.class_names.empty()) labels = likeliest_classes(frozen, given, completion);
    const ts::SampleOptions options{.temperature = draw.sampling.temperature,
                                    .top_k = draw.sampling.top_k,
                                    .top_p = draw.sampling.top_p,
                                    .min_p = draw.sampling.min_p,
                                    .labels = labels,
                                    .guidance = draw.sampling.guidance};
    const auto codes = completion.tokens.empty() ? ts::sample(frozen, draw.sampling.count, options, rng)
                                                 : ts::complete(frozen, given, completion.known, options, rng);
    const auto all = codes.view().span();
    result.samples.assign(all.begin(), all.end());
    result.seconds = watch.seconds();
}

template <class Prior>
PriorResult train_and_draw(const Job& job, FirstStage first, const Outcome& outcome, const Draw& draw) {
    ts::Rng rng = ts::Rng{job.options.seed}.split(stream_prior);
    Prior prior{rng, {.label_dropout = job.label_dropout()}};
    PriorResult result;
    result.figures = train_net(prior, first, job);

    auto file = ts::io::collect(std::move(first.state), prior);
    std::string names;
    for (const std::string& name : outcome.class_names) names += name + '\n';
    file.metadata("tessera.digits.preset", outcome.preset);
    file.metadata("tessera.digits.quantizer", outcome.quantizer);
    file.metadata("tessera.digits.class_names", names);
    if (!job.output.silent()) file.write(job.output.path(model_file));

    job.run.stop_if_asked();
    draw_tokens(prior, job, draw, result);
    return result;
}

template <class Prior>
PriorResult load_and_draw(const Job& job, const Draw& draw) {
    ts::io::SafetensorsFile file{job.options.load};
    ts::Rng unused{0};
    // the label dropout of its training says whether the prior knows the null class, which guidance needs
    Prior prior{unused, {.label_dropout = label_dropout_of(file)}};
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
template <Preset P, std::size_t I>
using PriorAt = PriorOf<P, prior_sizes<P>.all[I].vocab, prior_sizes<P>.all[I].context>;

/// f.operator()<Prior>() for the prior of this size.
template <Preset P, class F, std::size_t... I>
auto with_prior(PriorSize size, F&& f, std::index_sequence<I...>) {
    std::optional<decltype(f.template operator()<PriorAt<P, 0>>())> result;
    static_cast<void>(
        ((prior_sizes<P>.all[I] == size && (result = f.template operator()<PriorAt<P, I>>(), true)) || ...));
    if (!result) throw ts::StateError("digits: the table of quantizers has no prior of this size");
    return *std::move(result);
}
template <Preset P, class F>
auto with_prior(PriorSize size, F&& f) {
    return with_prior<P>(size, f, std::make_index_sequence<prior_sizes<P>.count>{});
}

template <Preset P>
PriorResult train_prior(PriorSize size, const Job& job, FirstStage first, const Outcome& outcome, const Draw& draw) {
    return with_prior<P>(size,
                         [&]<class Prior>() { return train_and_draw<Prior>(job, std::move(first), outcome, draw); });
}
template <Preset P>
PriorResult sample_prior(PriorSize size, const Job& job, const Draw& draw) {
    return with_prior<P>(size, [&]<class Prior>() { return load_and_draw<Prior>(job, draw); });
}

}  // namespace digits
