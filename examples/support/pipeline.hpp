#pragma once
// Both stages and sampling for one preset and one quantizer. Loops, logging and curves belong to the program; the
// library takes single steps.

#include "job.hpp"
#include "nets.hpp"
#include "progress.hpp"
#include "system.hpp"
#include "text.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/collapse_watch.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdio>
#include <numbers>
#include <span>
#include <string>
#include <vector>

namespace digits {

namespace ts = tessera;

// Random streams of the seed: the numbers of one part do not depend on the others.
enum Stream : std::uint64_t { stream_data, stream_vae, stream_batches1, stream_prior, stream_batches2, stream_samples };

/// Averages several steps per point: a curve has about 300 points, however long the run is.
class Averager {
public:
    Averager(Curve& curve, Partial& next, std::size_t steps)
        : curve_{curve}, next_{next}, every_{std::max<std::size_t>(1, steps / 300)} {}

    void add(double epoch, double value) {
        next_.sum += value;
        if (++next_.count < every_) return;
        curve_.push_back({epoch, next_.sum / static_cast<double>(next_.count)});
        next_ = {};
    }

private:
    Curve& curve_;
    Partial& next_;
    std::size_t every_;
};

inline std::string epoch_of(std::size_t epoch, std::size_t epochs) {
    return "epoch " + std::to_string(epoch + 1) + '/' + std::to_string(epochs);
}

/// `count` evenly spaced images of a set.
inline Images spread(const Images& images, std::size_t count) {
    count = std::min(count, images.size());
    std::vector<std::size_t> chosen(count);
    for (std::size_t i = 0; i < count; ++i) chosen[i] = i * images.size() / count;
    return images.subset(chosen);
}

inline Picture floats(const Images& images) {
    Picture x{images.size()};
    for (std::size_t i = 0; i < images.size(); ++i) images.copy(i, x[i]);
    return x;
}

// Drops a small last batch, which would give a noisy step; the next epoch has another order.
inline std::size_t steps_of_epoch(std::size_t images, std::size_t batch) {
    return std::max<std::size_t>(1, images / batch);
}
/// Remaining steps; a run that is resumed with fewer epochs may be past its end.
inline double left(std::uint64_t steps, std::uint64_t done) {
    return steps > done ? static_cast<double>(steps - done) : 0;
}
inline ts::BatchOptions epoch_order(std::size_t images, std::size_t batch, const ts::Rng& rng, std::size_t first,
                                    const Processes& processes) {
    return {.shuffle = true,
            .drop_last = images >= batch,
            .rng = rng,
            .first = first,
            .rank = processes.rank(),
            .ranks = processes.size()};
}

inline ts::WarmupCosine schedule(const Recipe::Stage& stage, std::size_t steps) {
    return {.lr = stage.lr,
            .min_lr = stage.lr_end,
            .warmup = static_cast<std::size_t>(stage.warmup * static_cast<double>(steps)),
            .steps = steps};
}

/// Numbers of the codebook, which the optimiser does not update; 0 where there is none.
template <class Vae>
std::size_t codebook_numbers(const Vae& vae) {
    if constexpr (requires { vae.buffers().book; })
        return vae.buffers().book.weight.span().size();
    else
        return 0;
}

template <class Vae>
Stage1 train_vae(Vae& vae, const Job& job, const Material& material) {
    const Stopwatch watch;
    const Recipe::Stage& recipe = job.recipe.vqvae;
    Stage1 result;
    if (job.run.resumes(1)) result = job.run.stage1();
    const double seconds_before = result.seconds;
    result.batch = job.options.batch.value_or(recipe.batch);
    result.epochs = job.options.epochs_vqvae.value_or(recipe.epochs(material.train.size()));
    result.parameters = ts::parameter_count(vae.params()) + codebook_numbers(vae);
    result.lr = recipe.lr;
    result.codes = Vae::codes;
    result.code_width = Vae::Quantizer::width;
    const std::size_t per_epoch = steps_of_epoch(material.train.size(), result.batch);
    result.steps = result.epochs * per_epoch;

    ts::Trainer trainer{vae,
                        ts::AdamW{vae, {.lr = recipe.lr, .weight_decay = recipe.weight_decay}},
                        {.clip_norm = recipe.clip_norm, .seed = job.options.seed},
                        job.processes};
    if (job.run.resumes(1)) job.run.load(trainer);
    const ts::WarmupCosine rate = schedule(recipe, result.steps);
    const ts::Rng rng = ts::Rng{job.options.seed}.split(stream_batches1);
    const Images glance = spread(material.test, 500);  // enough for a curve; the final evaluation uses all
    Averager mse{result.train_mse, result.next_mse, result.steps},
        perplexity{result.perplexity_curve, result.next_perplexity, result.steps};
    ts::CollapseWatch watch_codes{Vae::codes};
    Progress progress{"stage 1", "images",
                      left(result.steps, trainer.steps()) *
                          static_cast<double>(std::min(result.batch, material.train.size()))};

    while (trainer.steps() < result.steps) {
        const std::size_t epoch = trainer.steps() / per_epoch;
        for (auto&& batch : ts::batches(material.train, result.batch,
                                        epoch_order(material.train.size(), result.batch, rng.split(epoch),
                                                    trainer.steps() % per_epoch, job.processes))) {
            const Stopwatch step;
            trainer.optimizer().set_lr(rate(trainer.steps()));
            const auto report = trainer.step(batch);
            const double at = static_cast<double>(trainer.steps()) / static_cast<double>(per_epoch);
            mse.add(at, report.reconstruction);
            perplexity.add(at, report.perplexity);
            if (watch_codes.add(report.perplexity))
                progress.note("the codebook has collapsed: few vectors have been used for " +
                              std::to_string(watch_codes.low_steps()) + " steps");
            progress.advance(static_cast<double>(std::min(result.batch, material.train.size())), step.seconds(),
                             epoch_of(epoch, result.epochs) + "  loss " + fixed(report.loss, 5) + "  perplexity " +
                                 fixed(report.perplexity, 0));
            if (trainer.steps() % per_epoch == 0)
                result.test_mse_curve.push_back({static_cast<double>(epoch + 1), vae.evaluate(glance).mse});
            if (!job.run.is_due(trainer.steps(), result.steps)) continue;
            result.seconds = seconds_before + watch.seconds();
            job.run.save(trainer.steps(), ts::io::collect(trainer, job.run.facts()), result);
        }
    }
    progress.finish();
    const auto test = vae.evaluate(material.test);
    result.test_mse = test.mse;
    result.test_psnr_db = test.psnr_db;
    result.quantization_mse = test.quantization_mse;
    result.perplexity = test.perplexity;
    result.usage = test.usage;
    result.counts = test.counts;
    result.images_per_second = progress.per_second();
    result.seconds = seconds_before + watch.seconds();
    std::printf("stage 1  test PSNR %.2f dB, perplexity %.0f of %zu, usage %.1f %%, %.1f s\n", test.psnr_db,
                test.perplexity, Vae::codes, 100 * test.usage, result.seconds);
    return result;
}

/// 7 x 7 tokens per image, in both presets.
using Tokens = ts::data::Tokens<49>;

/// `vae` and `stage1`: the checkpoints of the prior contain the first stage.
template <class Prior, class Vae>
Stage2 train_prior(Prior& prior, const Vae& vae, const Stage1& stage1, const Job& job, const Tokens& train,
                   const Tokens& test) {
    const Stopwatch watch;
    const Recipe::Stage& recipe = job.recipe.prior;
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
            job.run.save(stage1.steps + trainer.steps(), ts::io::collect(vae, trainer, job.run.facts()), stage1,
                         &result);
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

template <class Vae, class Prior>
void draw_samples(const Vae& vae, const Prior& prior, const Job& job, Outcome& outcome) {
    const std::size_t count = job.options.samples, classes = outcome.class_names.size();
    outcome.sample_rows = row_lengths(count, classes == 0 ? 10 : classes);

    std::vector<ts::Label> labels;
    for (std::size_t r = 0; r < outcome.sample_rows.size() && classes != 0; ++r) {
        const std::size_t shown = job.options.label.value_or(r);
        labels.insert(labels.end(), outcome.sample_rows[r], ts::Label{static_cast<std::uint32_t>(shown)});
        outcome.sample_row_names.push_back(outcome.class_names[shown]);
    }
    Sampling& sampling = outcome.sampling;
    sampling.count = count;
    sampling.temperature = job.temperature();
    sampling.top_k = std::min(job.top_k(), Vae::codes);
    sampling.top_p = job.top_p();

    const Stopwatch watch;
    ts::Rng rng = ts::Rng{job.options.seed}.split(stream_samples);
    const auto tokens = ts::sample(
        prior, count,
        {.temperature = sampling.temperature, .top_k = sampling.top_k, .top_p = sampling.top_p, .labels = labels}, rng);
    const double drawn = watch.seconds();
    outcome.samples = vae.decode(tokens);
    sampling.seconds = watch.seconds();
    sampling.images_per_second = static_cast<double>(count) / sampling.seconds;
    sampling.tokens_per_second = static_cast<double>(count * Vae::tokens) / drawn;
    std::printf("samples  %zu images, %.2f s\n", count, sampling.seconds);
}

/// For each token, the image that has this token at every position.
template <class Vae>
Picture decode_each_token(const Vae& vae) {
    std::vector<ts::Token> maps(Vae::codes * Vae::tokens);
    for (std::size_t i = 0; i < maps.size(); ++i) maps[i] = static_cast<ts::Token>(i / Vae::tokens);
    return vae.decode(Tokens{std::move(maps)});
}

template <class Vae>
typename Vae::Options quantizer_options(const Recipe& recipe) {
    if constexpr (std::same_as<typename Vae::Options, ts::CodebookOptions>)
        return {.ema = {.decay = recipe.code_decay}};
    else
        return {};
}

template <class Preset>
Outcome train(const Job& job, const Material& material) {
    const ts::Rng seed{job.options.seed};
    Outcome outcome;
    outcome.preset = Preset::name;
    outcome.quantizer = Preset::quantizer;
    outcome.class_names = material.class_names();
    if (outcome.class_names.size() > max_classes) {
        std::printf("the images have %zu classes, the prior distinguishes at most %zu: it is trained without them\n",
                    outcome.class_names.size(), max_classes);
        outcome.class_names.clear();
    }

    ts::Rng vae_rng = seed.split(stream_vae), prior_rng = seed.split(stream_prior);
    typename Preset::Vae vae{vae_rng, quantizer_options<typename Preset::Vae>(job.recipe)};
    if (job.run.resumes(2)) {
        ts::io::load(job.run.file(), vae);
        outcome.stage1 = job.run.stage1();
    } else {
        outcome.stage1 = train_vae(vae, job, material);
    }

    auto train_codes = vae.encode(material.train), test_codes = vae.encode(material.test);
    if (outcome.class_names.empty() && train_codes.labelled()) {
        const auto without = [](Tokens& tokens) {
            const auto all = tokens.view().span();
            tokens = Tokens{{all.begin(), all.end()}};
        };
        without(train_codes);
        without(test_codes);
    }
    // no label dropout: either all sampled sequences have a class, or none
    typename Preset::Prior prior{prior_rng, {.label_dropout = 0}};
    outcome.stage2 = train_prior(prior, vae, *outcome.stage1, job, train_codes, test_codes);

    auto file = ts::io::collect(vae, prior);
    std::string names;
    for (const std::string& name : outcome.class_names) names += name + '\n';
    file.metadata("tessera.digits.preset", Preset::name);
    file.metadata("tessera.digits.quantizer", Preset::quantizer);
    file.metadata("tessera.digits.class_names", names);
    if (!job.output.silent()) file.write(job.output.path(model_file));

    job.run.stop_if_asked();
    draw_samples(vae, prior, job, outcome);

    outcome.originals = floats(spread(material.test, 50));
    outcome.reconstructions = vae.reconstruct(outcome.originals);
    outcome.codebook = decode_each_token(vae);
    return outcome;
}

template <class Preset>
Outcome sample_loaded(const Job& job, const std::vector<std::string>& class_names) {
    ts::Rng unused{0};
    typename Preset::Vae vae{unused};
    typename Preset::Prior prior{unused};
    ts::io::load(job.options.load, {.accept = {ts::io::everything}}, vae,
                 prior);  // options of training do not matter here
    Outcome outcome;
    outcome.preset = Preset::name;
    outcome.quantizer = Preset::quantizer;
    outcome.class_names = class_names;
    draw_samples(vae, prior, job, outcome);
    return outcome;
}

}  // namespace digits
