// 15. A custom loss.
//
//     15_custom_loss [folder with digits] [--small]
//
// The reconstruction loss is the fourth template argument of VqVae; its contract is in loss/loss.hpp. The compiler
// checks the members (LossSpec), and testing::check_loss checks the rules at run time: gradients against finite
// differences, that the sum does not depend on how a batch is split, that NaN propagates, and more.

#include "support/course_nets.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/data/image.hpp>
#include <tessera/loss/loss.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/testing/loss_check.hpp>
#include <tessera/train/trainer.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string_view>

// [loss]
namespace ts = tessera;

// Charbonnier: sqrt((y - t)^2 + eps^2) - eps, quadratic near zero and linear far from it
template <ts::StaticShape In, std::floating_point T>
struct CharbonnierLoss : ts::PlainLoss {  // no parameters and no scratch, but one option
    static constexpr std::string_view name = "Charbonnier";
    using Scalar = T;
    using Input = In;
    struct Options {
        double eps = 0.05;
    };
    using Packed = Options;

    static void pack(const Params&, const Buffers&, const Options& options, Packed& w) { w = options; }
    static double loss(const Packed& w, ts::View<const T, In> y, ts::View<const T, In> target, Cache&) {
        double sum = 0;
        for (std::size_t i = 0; i < y.span().size(); ++i)
            sum += std::hypot(static_cast<double>(y.data()[i] - target.data()[i]), w.eps) - w.eps;
        return sum;
    }
    static double loss_and_grad(const Packed& w, ts::View<const T, In> y, ts::View<const T, In> target,
                                ts::View<T, In> dy, Cache& cache, Params&, T scale) {
        const double sum = loss(w, y, target, cache);
        for (std::size_t i = 0; i < y.span().size(); ++i) {
            const double difference = static_cast<double>(y.data()[i] - target.data()[i]);
            dy.data()[i] = scale * static_cast<T>(difference / std::hypot(difference, w.eps));
        }
        return sum;
    }
};

// the spec, to be used in a VqVae
struct Charbonnier {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = CharbonnierLoss<In, T>;
};

static_assert(ts::LossSpec<Charbonnier, ts::Shape<28, 28, 1>>);
using Vae = ts::VqVae<course::Encoder, ts::Codebook<64>, course::Decoder, Charbonnier>;
// [/loss]

// The same loss with a bug: it ignores the scale, so the gradient depends on how a batch is split.
template <ts::StaticShape In, std::floating_point T>
struct WrongLoss : CharbonnierLoss<In, T> {
    using Base = CharbonnierLoss<In, T>;
    static constexpr std::string_view name = "Wrong";
    static double loss_and_grad(const typename Base::Packed& w, ts::View<const T, In> y, ts::View<const T, In> target,
                                ts::View<T, In> dy, ts::Empty& cache, ts::Empty& grad, T) {
        return Base::loss_and_grad(w, y, target, dy, cache, grad, T(1));
    }
};
struct Wrong {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = WrongLoss<In, T>;
};

int run(const course::Arguments& arguments) {
    // In a test: CHECK(check_loss<Charbonnier, Shape<5, 5, 3>>()).
    const auto good = ts::testing::check_loss<Charbonnier, ts::Shape<5, 5, 3>>();
    std::printf("Charbonnier: %s\n", good ? "satisfies the contract" : good.message.c_str());
    const auto bad = ts::testing::check_loss<Wrong, ts::Shape<5, 5, 3>>();
    std::printf("Wrong:       %s\n", bad ? "satisfies the contract" : bad.message.c_str());

    const auto digits = ts::data::load_mnist(arguments.folder);
    const auto train =
        digits.train.subset(course::evenly(arguments.small ? 1000 : digits.train.size(), digits.train.size()));
    ts::Rng rng{42};
    Vae vae{rng, {}, {.eps = 0.1}};  // the options of the quantizer and of the loss
    ts::Trainer trainer{vae, ts::AdamW{vae, {.lr = 2e-3}}, {.clip_norm = 1}};
    for (int epoch = 0; epoch < 4; ++epoch) {
        Vae::Report last;
        for (auto&& batch : ts::batches(train, 32, rng)) last = trainer.step(batch);
        std::printf("epoch %d  Charbonnier %.4f  perplexity %.0f\n", epoch + 1, last.reconstruction, last.perplexity);
    }
    const auto test = vae.evaluate(digits.test);  // reports squared errors, whatever the loss
    std::printf("test mse %.4f, %.2f dB\n", test.mse, test.psnr_db);
    // always predicting the mean image would give an error of 0.067
    return good && !bad && test.mse < 0.06 ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "15_custom_loss: %s\n", error.what());
        return 1;
    }
}
