// The second stage of the study: the prior of preset small, for each pair of vocabulary and context that occurs among
// the rows with a prior.

#include <bench/study/study.hpp>
#include <bench/study/table.hpp>

#include <examples/support/progress.hpp>
#include <examples/support/recipe.hpp>
#include <examples/support/system.hpp>
#include <examples/support/text.hpp>

#include <tessera/core/error.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace study {

namespace {

namespace ts = tessera;

struct Size {
    std::size_t vocab, context;

    friend constexpr bool operator==(const Size&, const Size&) = default;
};
struct Sizes {
    std::array<Size, with_prior> all{};
    std::size_t count = 0;
};

template <std::size_t... I>
constexpr Sizes distinct(std::index_sequence<I...>) {
    Sizes sizes;
    const std::array<Size, with_prior> every{Size{RowAt<I>::Bound::codes, RowAt<I>::Bound::tokens}...};
    for (const Size size : every) {
        const auto end = sizes.all.begin() + static_cast<std::ptrdiff_t>(sizes.count);
        if (std::find(sizes.all.begin(), end, size) == end) sizes.all[sizes.count++] = size;
    }
    return sizes;
}
constexpr Sizes sizes = distinct(std::make_index_sequence<with_prior>{});

template <std::size_t I>
struct PriorAt {
    static constexpr ts::GptConfig config{
        .vocab = sizes.all[I].vocab, .context = sizes.all[I].context, .width = 128, .heads = 4, .layers = 4};
    using type = ts::Gpt<config>;
};

template <std::size_t I>
void train_at(const Codes& codes, const Settings& settings, Result& result) {
    using Prior = typename PriorAt<I>::type;
    constexpr std::size_t context = Prior::context;
    const digits::Stopwatch watch;
    const auto& recipe = digits::small_recipe.prior;
    constexpr double lr = 2e-3;  // of AdamW, with which all rows of the table were trained
    const std::size_t all = codes.train.size() / context;
    const std::size_t count = settings.limit_prior == 0 ? all : std::min(all, settings.limit_prior);
    const auto first = codes.train.begin(), last = first + static_cast<std::ptrdiff_t>(count * context);
    const ts::data::Tokens<context> train{{first, last}}, test{codes.test};
    const ts::Rng seed{settings.seed};
    ts::Rng rng = seed.split(2);
    Prior prior{rng, {.label_dropout = 0}};
    ts::Trainer trainer{prior,
                        ts::AdamW{prior, {.lr = lr, .beta2 = 0.99, .weight_decay = recipe.weight_decay}},
                        {.clip_norm = recipe.clip_norm, .seed = settings.seed}};
    const std::size_t batch = std::min(recipe.batch, train.size()), per_epoch = train.size() / batch;
    result.prior_steps = settings.epochs_prior * per_epoch;
    const ts::WarmupCosine rate{.lr = lr,
                                .min_lr = lr / 100,
                                .warmup =
                                    static_cast<std::size_t>(recipe.warmup * static_cast<double>(result.prior_steps)),
                                .steps = result.prior_steps};
    digits::Progress progress{settings.row + ", prior", "tokens",
                              static_cast<double>(result.prior_steps * batch * context)};
    const ts::Rng order = seed.split(3);
    for (std::size_t epoch = 0; epoch < settings.epochs_prior; ++epoch)
        for (auto&& sequences :
             ts::batches(train, batch, {.shuffle = true, .drop_last = true, .rng = order.split(epoch)})) {
            const digits::Stopwatch step;
            trainer.optimizer().set_lr(rate(trainer.steps()));
            const auto report = trainer.step(sequences);
            progress.advance(static_cast<double>(batch * context), step.seconds(),
                             "epoch " + std::to_string(epoch + 1) + '/' + std::to_string(settings.epochs_prior) +
                                 "  loss " + digits::fixed(report.loss, 3) + " nats/token");
        }
    progress.finish();
    result.nats_per_token = prior.evaluate(test);
    result.nats_per_image = result.nats_per_token * static_cast<double>(context);
    result.prior_seconds = watch.seconds();
    result.prior_peak_mib = digits::peak_memory_mib();
    result.has_prior = true;
}

template <std::size_t... I>
bool train_one_of(Size size, const Codes& codes, const Settings& settings, Result& result, std::index_sequence<I...>) {
    return ((sizes.all[I] == size && (train_at<I>(codes, settings, result), true)) || ...);
}

}  // namespace

void train_prior(std::size_t vocab, std::size_t context, const Codes& codes, const Settings& settings, Result& result) {
    if (!train_one_of({vocab, context}, codes, settings, result, std::make_index_sequence<sizes.count>{}))
        throw ts::StateError("study: no prior with a vocabulary of " + std::to_string(vocab) + " and " +
                             std::to_string(context) + " tokens");
}

}  // namespace study
