#pragma once
// The first stage, for one preset and one quantizer; and the whole run around it, which calls the second stage
// (prior.hpp). Loops, logging and curves belong to the program; the library takes single steps.

#include "codebooks.hpp"
#include "completion.hpp"
#include "job.hpp"
#include "nets.hpp"
#include "prior.hpp"
#include "progress.hpp"
#include "proportion.hpp"
#include "stage.hpp"
#include "system.hpp"
#include "text.hpp"

#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/collapse_watch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace digits {

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
    result.code_width = ts::last_dim<typename Vae::Latent>;
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

/// The vocabulary of the first token of a position; `codes` is the largest.
template <class Q>
constexpr std::size_t first_vocabulary() {
    if constexpr (requires { Q::codes_of(0); })
        return Q::codes_of(0);
    else
        return Q::codes;
}

/// The largest codebook of which codebook.png shows every vector; of a larger one the most frequent.
inline constexpr std::size_t most_shown = 1024;

/// For each token, the image that has this token at every position. Where a position has several tokens, it is the
/// first of them, and the others are absent.
template <class Vae>
Picture decode_codes(const Vae& vae, const std::vector<std::size_t>& counts) {
    std::vector<std::size_t> shown(first_vocabulary<typename Vae::Quantizer>());
    std::iota(shown.begin(), shown.end(), std::size_t{0});
    if (shown.size() > most_shown) {
        std::ranges::sort(shown, [&](std::size_t a, std::size_t b) {
            return counts[a] != counts[b] ? counts[a] > counts[b] : a < b;
        });
        shown.resize(most_shown);
    }
    constexpr std::size_t per_position = Vae::tokens / ts::row_count<typename Vae::Latent>;
    std::vector<ts::Token> maps(shown.size() * Vae::tokens, ts::no_token);
    for (std::size_t i = 0; i < maps.size(); i += per_position)
        maps[i] = static_cast<ts::Token>(shown[i / Vae::tokens]);
    return vae.decode(ts::data::Tokens<Vae::tokens>{std::move(maps)});
}

/// Without labels where the prior is trained without classes.
template <class Vae>
Sequences sequences(const Vae& vae, const Images& images, bool with_labels) {
    const auto codes = vae.encode(images);
    const auto tokens = codes.view().span();
    Sequences all{{tokens.begin(), tokens.end()}, {}, 0};
    if (with_labels && codes.labelled()) {
        all.labels.assign(codes.labels().begin(), codes.labels().end());
        all.classes = codes.classes();
    }
    return all;
}

template <class Vae>
void decode_samples(const Vae& vae, const Job& job, Draw draw, const PriorResult& prior, Outcome& outcome) {
    const Stopwatch watch;
    outcome.samples = vae.decode(ts::data::Tokens<Vae::tokens>{prior.samples});
    Sampling& sampling = outcome.sampling = draw.sampling;
    sampling.seconds = prior.seconds + watch.seconds();
    sampling.images_per_second = static_cast<double>(sampling.count) / sampling.seconds;
    sampling.tokens_per_second = static_cast<double>(prior.samples.size()) / prior.seconds;
    std::string how = sampling.label ? ", class " + outcome.class_names[*sampling.label] : "";
    if (sampling.guidance != 1) how += ", guidance " + significant(static_cast<double>(sampling.guidance));
    if (sampling.passes != 0) how += ", passes: " + describe_passes(sampling.passes, job.options.passes);
    std::printf("samples  %zu images%s, %.2f s\n", sampling.count, how.c_str(), sampling.seconds);
}

template <Preset P, class Q>
Outcome train(const Job& job, const Material& material) {
    using Vae = VaeOf<P, Q>;
    const ts::Rng seed{job.options.seed};
    Outcome outcome;
    outcome.preset = name(P);
    outcome.quantizer = job.quantizer;
    outcome.order = name(job.order);
    outcome.class_names = material.class_names();
    if (outcome.class_names.size() > max_classes) {
        std::printf("the images have %zu classes, the prior distinguishes at most %zu: it is trained without them\n",
                    outcome.class_names.size(), max_classes);
        outcome.class_names.clear();
    }

    static_assert(ts::row_count<typename Vae::Latent> == vectors_per_image);
    if (const std::string few = too_few_images(material.train.size(), Vae::codes); !few.empty())
        std::printf("note: %s\n", few.c_str());

    ts::Rng rng = seed.split(stream_vae);
    Vae vae{rng, options_with_decay<typename Vae::Quantizer>(job.recipe.code_decay)};
    if (job.run.resumes(2)) {
        ts::io::load(job.run.file(), vae);
        outcome.stage1 = job.run.stage1();
    } else {
        outcome.stage1 = train_vae(vae, job, material);
    }

    const bool with_labels = !outcome.class_names.empty();
    const Draw draw = plan_samples(job, {Vae::codes, Vae::tokens}, outcome);
    const auto second = job.order == Order::any ? &train_prior<P, Order::any> : &train_prior<P, Order::raster>;
    PriorResult prior = second({Vae::codes, Vae::tokens}, job,
                               {*outcome.stage1, ts::io::collect(vae), sequences(vae, material.train, with_labels),
                                sequences(vae, material.test, with_labels)},
                               outcome, draw);
    outcome.stage2 = std::move(prior.figures);
    decode_samples(vae, job, draw, prior, outcome);

    outcome.originals = floats(spread(material.test, 50));
    outcome.reconstructions = vae.reconstruct(outcome.originals);
    outcome.codebook = decode_codes(vae, outcome.stage1->counts);
    return outcome;
}

template <Preset P, class Q>
Outcome sample_loaded(const Job& job, const std::vector<std::string>& class_names) {
    using Vae = VaeOf<P, Q>;
    ts::Rng unused{0};
    Vae vae{unused};
    ts::io::load(job.options.load, {.accept = {ts::io::everything}}, vae);  // options of training do not matter here
    Outcome outcome;
    outcome.preset = name(P);
    outcome.quantizer = job.quantizer;
    outcome.order = name(job.order);
    outcome.class_names = class_names;
    Draw draw = plan_samples(job, {Vae::codes, Vae::tokens}, outcome);
    Picture pictures;
    if (job.unknown) {
        static_assert(ts::row_count<typename Vae::Latent> == UnknownPart::side * UnknownPart::side);
        ReadPictures read = read_pictures(job.options.complete);
        if (!read.fit.empty()) std::printf("%s\n", read.fit.c_str());
        pictures = job.unknown->hide(std::move(read.images));
        std::vector<ts::Token> tokens(pictures.batch() * Vae::tokens);
        vae.encode(pictures, {tokens.data(), pictures.batch()});
        plan_completion(job, std::move(tokens), draw, outcome);
    }
    const auto second = job.order == Order::any ? &sample_prior<P, Order::any> : &sample_prior<P, Order::raster>;
    decode_samples(vae, job, draw, second({Vae::codes, Vae::tokens}, job, draw), outcome);
    if (job.unknown) show_completions(pictures, *job.unknown, outcome);
    return outcome;
}

}  // namespace digits
