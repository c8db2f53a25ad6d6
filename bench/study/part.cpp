// Compiled once for each part of the table, with STUDY_PART = 0, 1, ...: the first stage of the study. The rows of a
// part share the kernels: about 20 s of compilation, and 5 s for each row (six rows: 49 s, 1.4 GB).

#include <bench/study/study.hpp>
#include <bench/study/table.hpp>

#include <examples/support/codebooks.hpp>
#include <examples/support/nets.hpp>
#include <examples/support/progress.hpp>
#include <examples/support/recipe.hpp>
#include <examples/support/system.hpp>
#include <examples/support/text.hpp>

#include <tessera/core/error.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace study {

namespace {

namespace ts = tessera;

// The nets of preset std, for images of this size.
template <std::size_t Width>
struct Encoder : digits::EncoderChain<128, Width, side> {};
template <std::size_t Width>
struct Decoder : digits::DecoderChain<128, Width, side> {};

// The mean of the images' PSNRs; an error below 1e-10 counts as 100 dB.
template <class Vae>
double mean_psnr(const Vae& vae, const Images& images) {
    constexpr std::size_t block = 256;
    ts::Tensor<float, Image> x;
    double sum = 0;
    for (std::size_t first = 0; first < images.size(); first += block) {
        const std::size_t count = std::min(block, images.size() - first);
        x.resize(count);
        for (std::size_t i = 0; i < count; ++i) images.copy(first + i, x[i]);
        const auto y = vae.reconstruct(x);
        for (std::size_t i = 0; i < count; ++i) {
            double error = 0;
            for (std::size_t k = 0; k < Image::size; ++k) {
                const double d = std::clamp(static_cast<double>(y[i][k]), 0.0, 1.0) - static_cast<double>(x[i][k]);
                error = std::fma(d, d, error);
            }
            sum -= 10 * std::log10(std::max(error / static_cast<double>(Image::size), 1e-10));
        }
    }
    return sum / static_cast<double>(images.size());
}

template <class Row>
Codes train_row(const Row& row, const Sets& sets, const Settings& settings, Result& result) {
    using Chosen = typename Row::Chosen;
    using Vae = ts::VqVae<Encoder<Chosen::width>, typename Chosen::Quantizer,
                          Decoder<ts::last_dim<typename Row::Bound::Output>>>;
    const digits::Stopwatch watch;
    const auto& recipe = digits::std_recipe.vqvae;
    const ts::Rng seed{settings.seed};
    ts::Rng rng = seed.split(0);
    const std::size_t batch = std::min(settings.batch, sets.train.size()), per_epoch = sets.train.size() / batch;
    // the moving averages reach as many images back, whatever the batch
    const double decay = std::pow(digits::std_recipe.code_decay, static_cast<double>(batch) / 64);
    auto options = digits::options_with_decay<typename Vae::Quantizer>(decay);
    if (settings.revive_below > 0) {
        if constexpr (requires { options.revive.below = settings.revive_below; })
            options.revive.below = settings.revive_below;
        else
            throw ts::ArgumentError("study: --revive-below: " + ts::expected_got("a row of one codebook", row.name));
    }
    Vae vae{rng, options};
    ts::Trainer trainer{vae,
                        ts::AdamW{vae, {.lr = settings.lr, .weight_decay = recipe.weight_decay}},
                        {.clip_norm = recipe.clip_norm, .seed = settings.seed}};
    result.steps = settings.epochs * per_epoch;
    const ts::WarmupCosine rate{.lr = settings.lr,
                                .min_lr = settings.lr / 100,
                                .warmup = static_cast<std::size_t>(recipe.warmup * static_cast<double>(result.steps)),
                                .steps = result.steps};
    digits::Progress progress{row.name, "images", static_cast<double>(result.steps * batch)};
    const ts::Rng order = seed.split(1);
    for (std::size_t epoch = 0; epoch < settings.epochs; ++epoch)
        for (auto&& images :
             ts::batches(sets.train, batch, {.shuffle = true, .drop_last = true, .rng = order.split(epoch)})) {
            const digits::Stopwatch step;
            trainer.optimizer().set_lr(rate(trainer.steps()));
            const auto report = trainer.step(images);
            progress.advance(static_cast<double>(batch), step.seconds(),
                             "epoch " + std::to_string(epoch + 1) + '/' + std::to_string(settings.epochs) + "  loss " +
                                 digits::fixed(report.loss, 5) + "  perplexity " + digits::fixed(report.perplexity, 0));
        }
    progress.finish();
    result.seconds = watch.seconds();
    result.images_per_second = progress.per_second();
    result.peak_mib = digits::peak_memory_mib();
    result.parameters = ts::parameter_count(vae.params()) + digits::codebook_numbers(vae);

    const auto test = vae.evaluate(sets.test);
    result.mse = test.mse;
    result.psnr_db = test.psnr_db;
    result.mean_psnr_db = mean_psnr(vae, sets.test);
    result.perplexity = test.perplexity;
    result.usage = test.usage;
    result.quantization_mse = test.quantization_mse;
    const auto tokens = [&](const Images& images) {
        const auto codes = vae.encode(images);
        const auto all = codes.view().span();
        return std::vector<ts::Token>{all.begin(), all.end()};
    };
    return {tokens(sets.train), tokens(sets.test)};
}

constexpr std::size_t parts = STUDY_PARTS;
static_assert(row_count <= 6 * parts,
              "study: each part of the table holds 6 rows: STUDY_PARTS of bench/study/CMakeLists.txt is too small");

template <std::size_t Part, std::size_t... I>
Codes train_one_of(std::size_t place, const Sets& sets, const Settings& settings, Result& result,
                   std::index_sequence<I...>) {
    std::optional<Codes> codes;
    static_cast<void>(((place == Part + I * parts &&
                        (codes = train_row(std::get<Part + I * parts>(table), sets, settings, result), true)) ||
                       ...));
    if (!codes) throw ts::StateError("study: row " + std::to_string(place) + " is in another part");
    return *std::move(codes);
}

}  // namespace

template <std::size_t Part>
Codes train_part(std::size_t place, const Sets& sets, const Settings& settings, Result& result) {
    constexpr std::size_t rows = Part < row_count ? (row_count - Part + parts - 1) / parts : 0;
    return train_one_of<Part>(place, sets, settings, result, std::make_index_sequence<rows>{});
}

template Codes train_part<STUDY_PART>(std::size_t, const Sets&, const Settings&, Result&);

}  // namespace study
