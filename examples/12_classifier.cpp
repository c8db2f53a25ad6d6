// 12. A classifier: supervised learning with the same parts, and a judge of what a generator draws.
//
//     12_classifier [folder with digits] [--small]
//     12_classifier [folder with digits] --judge SAMPLES...
//
// A Trainer trains any type with the members of train/trainable.hpp. This one is a small convolutional net with the
// cross-entropy of its class: no codebook, no prior. It learns from digits that are shifted by up to two pixels, and
// its result is the moving average of its weights. With the four files of MNIST in the folder it reads 99.5 % of the
// 10,000 test digits.
//
// Writes classifier.safetensors. With --judge it loads this file instead of training, and reads each SAMPLES: a PNG
// with one band of rows for each digit, as `digits --samples 1000` writes it, or a folder with one subfolder of images
// for each class. Its two numbers of a generator: how many samples it reads as the digit they should be, and the
// Fréchet distance of their features from those of the test digits.

#include "support/frechet_distance.hpp"

#include <tessera/core/batch_part.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/lifetime.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/contact_sheet.hpp>
#include <tessera/data/image_folder.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/loss/cross_entropy.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/exec/grouped.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/max_pool2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/schedule.hpp>
#include <tessera/optim/weight_ema.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ts = tessera;
using namespace tessera::nn;

// [model]
// clang-format off
struct Features : Chain<ts::Shape<28, 28, 1>,
    Conv2d<32, keep3>, Relu, MaxPool2d<halve2>,        // 14 x 14
    Conv2d<64, keep3>, Relu, MaxPool2d<halve2>,        //  7 x  7
    Conv2d<64, keep3>, Relu,
    Reshape<7 * 7 * 64>, Linear<128>, Relu> {};
struct Head : Chain<Features::Output, Dropout<Probability{.percent = 25}>, Linear<10>> {};
// clang-format on

// A model for a Trainer: its weights, and the gradient of a batch.
class Classifier {
public:
    using Batch = ts::data::Batch<ts::View<const float, Features::Input>>;
    struct Report {
        double loss = 0, grad_norm = 0;
    };
    struct Params {
        Features::Params features;
        Head::Params head;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            Features::Params::each(ts::with_prefix("features", f), p.features...);
            Head::Params::each(ts::with_prefix("head", f), p.head...);
        }
    };
    struct Scratch {
        Features::Cache features;
        Head::Cache head;
        ts::Tensor<float, Features::Output> y, dy;
        ts::Tensor<float, Head::Output> logits, dlogits;
        ts::Tensor<float, Features::Input> dx;
    };
    struct Workspace {
        ts::Rng rng{};
        ts::nn::Weights<Features> features;
        ts::nn::Weights<Head> head;
        ts::nn::Grouped<Params, Scratch> groups;
        std::vector<ts::Token> targets;
        std::vector<double> losses, totals;
    };

    explicit Classifier(ts::Rng& rng) {
        ts::Rng own = rng.fork();
        rng_ = own.split(1);
        Features::init(params_.features, own);
        Head::init(params_.head, own);
    }
    Params& params() { return params_; }
    const Params& params() const { return params_; }
    const ts::Rng& rng() const { return rng_; }
    ts::Lifetime& lifetime() { return lifetime_; }
    template <class F, class... M>
    static void each_state(F&& f, M&... models) {
        Params::each(f, models.params_...);
    }

    void loss_and_grad(const Batch& batch, const ts::BatchPart& part, Workspace& ws, Params& grad) const {
        ts::nn::pack<Features>(params_.features, ws.features);
        ts::nn::pack<Head>(params_.head, ws.head);
        ws.targets.clear();
        for (const ts::Label label : batch.labels) ws.targets.push_back(label.index);
        ws.losses.assign(ws.groups.blocks(batch.size()), 0);
        const float scale = 1 / static_cast<float>(part.divisor);
        ws.groups.run(
            batch.size(), grad, [&](std::size_t first, std::size_t count, std::size_t block, Scratch& s, Params& g) {
                const auto x = batch.x.slice(first, count);
                s.y.resize(count);
                s.dy.resize(count);
                s.logits.resize(count);
                s.dlogits.resize(count);
                const ts::View<const float, Features::Output> y = s.y;
                const ts::View<const float, Head::Output> logits = s.logits, dlogits = s.dlogits;
                const ts::nn::Pass pass{.training = true, .rng = ws.rng, .first = part.first + first};
                ts::nn::begin<Features>(s.features, pass);
                ts::nn::begin<Head>(s.head, pass);
                Features::forward(ws.features, x, s.y.view(), s.features);
                Head::forward(ws.head, y, s.logits.view(), s.head);
                ws.losses[block] = ts::cross_entropy<float>(logits.span(), std::span{ws.targets}.subspan(first, count),
                                                            s.dlogits.span(), scale);
                Head::backward(ws.head, y, logits, dlogits, s.dy.view(), s.head, g.head);
                ts::nn::backward_params<Features>(ws.features, x, y, ts::View<const float, Features::Output>{s.dy},
                                                  s.dx, s.features, g.features);
            });
        ws.totals.assign(1, 0);
        for (const double loss : ws.losses) ws.totals[0] += loss;
    }
    Report report(const Workspace& ws, std::size_t samples) const {
        return {.loss = ws.totals[0] / static_cast<double>(samples)};
    }

private:
    Params params_;
    ts::Rng rng_;
    ts::Lifetime lifetime_;
};
// [/model]

using Digits = ts::data::Images<Features::Input>;

// Anything that can produce example i is a dataset. This one shifts each digit by up to two pixels; the stream of an
// epoch decides how.
class Shifted {
public:
    using Example = Digits::Example;

    Shifted(const Digits& digits, ts::Rng rng) : digits_{&digits}, rng_{rng} {}
    std::size_t size() const { return digits_->size(); }
    bool labelled() const { return digits_->labelled(); }
    ts::Label label(std::size_t i) const { return digits_->label(i); }
    void copy(std::size_t i, std::span<float, Features::Input::size> to) const {
        constexpr std::size_t side = 28, most = 2;
        ts::Rng own = rng_.split(i);
        const std::size_t down = own.below(2 * most + 1), right = own.below(2 * most + 1);  // 2: not shifted
        const auto from = digits_->pixels(i);
        for (std::size_t row = 0; row < side; ++row)
            for (std::size_t column = 0; column < side; ++column) {
                const std::size_t r = row + down - most, c = column + right - most;  // beyond 2^63 where outside
                to[row * side + column] = r < side && c < side ? static_cast<float>(from[r * side + c]) / 255.0f : 0.0f;
            }
    }

private:
    const Digits* digits_;
    ts::Rng rng_;
};

// What the classifier sees in a set of images: the most probable class of each, and the input of its last layer.
struct Reading {
    static constexpr std::size_t width = Features::Output::size;
    std::vector<ts::Token> classes;
    std::vector<float> features;

    std::span<const float> rows(std::size_t first, std::size_t count) const {
        return std::span{features}.subspan(first * width, count * width);
    }
};

Reading read(const Classifier::Params& params, const Digits& digits) {
    return ts::with_fp_environment([&] {
        ts::nn::Weights<Features> features;
        ts::nn::Weights<Head> head;
        ts::nn::pack<Features>(params.features, features);
        ts::nn::pack<Head>(params.head, head);
        Reading reading{std::vector<ts::Token>(digits.size()), std::vector<float>(digits.size() * Reading::width)};
        std::vector<Classifier::Scratch> scratch;
        ts::nn::for_groups(digits.size(), scratch, [&](std::size_t first, std::size_t count, std::size_t, auto& s) {
            s.dx.resize(count);  // here: the images
            s.logits.resize(count);
            for (std::size_t n = 0; n < count; ++n) digits.copy(first + n, s.dx[n]);
            const ts::View<float, Features::Output> y{reading.features.data() + first * Reading::width, count};
            ts::nn::begin<Features>(s.features, {});
            ts::nn::begin<Head>(s.head, {});
            Features::forward(features, ts::View<const float, Features::Input>{s.dx}, y, s.features);
            Head::forward(head, ts::View<const float, Features::Output>{y}, s.logits.view(), s.head);
            for (std::size_t n = 0; n < count; ++n)
                reading.classes[first + n] =
                    static_cast<ts::Token>(std::ranges::max_element(s.logits[n]) - s.logits[n].begin());
        });
        return reading;
    });
}

// The share of images that are read as their label, in all and of each class.
struct Agreement {
    double all = 0;
    std::vector<double> of_class;
};
Agreement agreement(const Reading& reading, const Digits& digits) {
    std::vector<std::size_t> right(digits.classes()), count(digits.classes());
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const std::size_t label = digits.label(i).index;
        ++count[label];
        right[label] += reading.classes[i] == label;
    }
    Agreement result;
    std::size_t total = 0;
    for (std::size_t c = 0; c < count.size(); ++c) {
        total += right[c];
        result.of_class.push_back(count[c] == 0 ? 1 : static_cast<double>(right[c]) / static_cast<double>(count[c]));
    }
    result.all = static_cast<double>(total) / static_cast<double>(digits.size());
    return result;
}

struct Arguments {
    std::string folder = "examples/data";
    bool small = false;  ///< a few steps only, as a smoke test
    std::vector<std::string> judged;

    Arguments(int argc, char** argv) {
        bool judge = false;
        for (int i = 1; i < argc; ++i) {
            const std::string_view argument = argv[i];
            if (argument == "--small")
                small = true;
            else if (argument == "--judge")
                judge = true;
            else if (judge)
                judged.emplace_back(argument);
            else
                folder = argument;
        }
        if (judge && judged.empty()) throw ts::ArgumentError("--judge: expected a PNG or a folder, got nothing");
    }
};

void train(Classifier& model, const Digits& digits, const Digits& test, bool small) {
    const auto start = std::chrono::steady_clock::now();
    ts::Rng rng{1};
    ts::Trainer trainer{model, ts::AdamW{model, {.lr = 2e-3, .weight_decay = 0.02}}, {.clip_norm = 1, .seed = 1}};
    ts::WeightEma<Classifier::Params> average{{.decay = 0.998}};
    const std::size_t batch_size = 64, per_epoch = digits.size() / batch_size;
    const std::size_t epochs = small ? 4 : std::clamp<std::size_t>(480'000 / digits.size(), 4, 20);
    const ts::WarmupCosine rate{.lr = 2e-3, .min_lr = 2e-5, .warmup = per_epoch / 4, .steps = epochs * per_epoch};
    for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
        const Shifted shifted{digits, rng.split(2 * epoch)};
        double loss = 0;
        for (auto&& batch : ts::batches(shifted, batch_size, {.drop_last = true, .rng = rng.split(2 * epoch + 1)})) {
            trainer.optimizer().set_lr(rate(trainer.steps()));
            loss += trainer.step(batch).loss / static_cast<double>(per_epoch);
            average.update(model.params());
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        std::printf("epoch %2zu of %zu  loss %.4f  test %.2f %%  %.0f s\n", epoch + 1, epochs, loss,
                    100 * agreement(read(average.params(), test), test).all, seconds);
        std::fflush(stdout);
    }
    model.params() = average.params();
}

Digits load_samples(const std::string& path) {
    if (!std::filesystem::is_directory(path)) return ts::data::load_contact_sheet<Features::Input>(path, 10);
    Digits all = ts::data::load_image_folder<Features::Input>(path).train;
    if (all.classes() != 10)
        throw ts::DataError(
            path + ": " +
            ts::expected_got("10 subfolders of images, one for each digit", std::to_string(all.classes())));
    return all;
}

int run(const Arguments& arguments) {
    constexpr const char* file = "classifier.safetensors";
    const auto digits = ts::data::load_mnist(arguments.folder);
    const auto evenly = [](const Digits& from, std::size_t count) {  // a set may be sorted by class
        std::vector<std::size_t> chosen(count);
        for (std::size_t i = 0; i < count; ++i) chosen[i] = i * from.size() / count;
        return from.subset(chosen);
    };
    const Digits train_digits = arguments.small ? evenly(digits.train, 2000) : digits.train;
    ts::Rng rng{42};
    Classifier model{rng};
    if (arguments.judged.empty()) {
        std::printf("%zu digits for training, %zu for testing; %zu weights\n", train_digits.size(), digits.test.size(),
                    ts::parameter_count(model.params()));
        train(model, train_digits, digits.test, arguments.small);
        ts::io::save(file, model);
    } else {
        ts::io::load(file, model);
    }

    const Reading test = read(model.params(), digits.test);
    const Agreement right = agreement(test, digits.test);
    std::printf("test digits: %.2f %% read as their class\n", 100 * right.all);

    // The distance of a set from the test digits depends on its size too. Two halves of the test digits, and as many
    // training digits as there are samples, show how small it can be.
    const std::size_t half = digits.test.size() / 2;
    std::vector<std::size_t> even(half), odd(half);
    for (std::size_t i = 0; i < half; ++i) {
        even[i] = 2 * i;
        odd[i] = 2 * i + 1;
    }
    const auto distance = [&](const Digits& a, const Digits& b) {
        return course::frechet_distance(read(model.params(), a).features, read(model.params(), b).features,
                                        Reading::width);
    };
    std::printf("Frechet distance of the features: test half from test half %.2f",
                distance(digits.test.subset(even), digits.test.subset(odd)));
    for (const std::size_t count : {std::size_t{1000}, std::size_t{2000}})
        if (count <= digits.train.size())
            std::printf(", %zu training digits from the test digits %.2f", count,
                        distance(evenly(digits.train, count), digits.test));
    std::printf("\n");

    for (const std::string& path : arguments.judged) {
        const Digits samples = load_samples(path);
        const Reading seen = read(model.params(), samples);
        const Agreement agrees = agreement(seen, samples);
        std::printf(
            "%s: %zu images, %.1f %% read as their class, Frechet distance %.2f\n  of each class:", path.c_str(),
            samples.size(), 100 * agrees.all, course::frechet_distance(seen.features, test.features, Reading::width));
        for (const double share : agrees.of_class) std::printf(" %.0f", 100 * share);
        std::printf("\n");
    }
    // the bundled digits: 10,000 for training, a sixth of MNIST
    return right.all > (arguments.small ? 0.9 : 0.98) ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "12_classifier: %s\n", error.what());
        return 1;
    }
}
