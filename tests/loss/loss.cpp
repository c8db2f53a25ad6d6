#include <tessera/loss/loss.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/loss/gaussian_nll.hpp>
#include <tessera/loss/l1.hpp>
#include <tessera/loss/mse.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/codebook.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;

namespace loss_test {

namespace {

using In = Shape<4, 4, 1>;
static_assert(Loss<MseLoss<In, float>> && Loss<L1Loss<In, double>> && Loss<GaussianNllLoss<In, float>>);
static_assert(LossSpec<Mse, In> && LossSpec<GaussianNll, In, double> && !LossSpec<int, In> &&
              !LossSpec<Codebook<4>, In>);
static_assert(std::same_as<BindLoss<Mse, In, float>, MseLoss<In, float>>);

// Types that lack one member of the contract.
struct NoLoss : MseLoss<In, float> {
    static void loss();
};
struct FloatLoss : MseLoss<In, float> {
    static float loss(const Packed&, View<const float, In>, View<const float, In>, Cache&);
};
struct NoParameterSet : MseLoss<In, float> {
    using Params = int;
};
static_assert(!Loss<int> && !Loss<NoLoss> && !Loss<FloatLoss> && !Loss<NoParameterSet> &&
              Loss<detail::BrokenLoss<In, float>>);

/// Squared errors of pixels, those of the left half times `left`, all times a saved weight of each row.
template <StaticShape S, std::floating_point T>
struct WeighedLoss {
    using Scalar = T;
    using Input = S;
    using Params = Empty;
    using Cache = Empty;
    static constexpr std::size_t row = S::size / S::dims[0], half = row / 2;
    struct Buffers {
        Param<T, Shape<S::dims[0]>> weight;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            f("weight", b.weight...);
        }
    };
    struct Options {
        double left = 2;
    };
    struct Packed {
        Tensor<T, S> of{1};
    };

    static void init(Params&, Buffers& b, Rng& rng) {
        for (T& w : b.weight.span()) w = static_cast<T>(rng.uniform(0.5f, 1.5f));
    }
    static void pack(const Params&, const Buffers& b, const Options& o, Packed& w) {
        for (std::size_t i = 0; i < S::size; ++i)
            w.of.data()[i] = b.weight[i / row] * (i % row < half ? static_cast<T>(o.left) : T(1));
    }
    static double loss(const Packed& w, View<const T, S> y, View<const T, S> target, Cache&) {
        double sum = 0;
        for (std::size_t i = 0; i < y.elements(); ++i) {
            const double d = static_cast<double>(y.data()[i]) - static_cast<double>(target.data()[i]);
            sum += static_cast<double>(w.of.data()[i % S::size]) * d * d;
        }
        return sum;
    }
    static double loss_and_grad(const Packed& w, View<const T, S> y, View<const T, S> target, View<T, S> dy, Cache& c,
                                Params&, T scale) {
        const double sum = loss(w, y, target, c);
        for (std::size_t i = 0; i < y.elements(); ++i)
            dy.data()[i] = 2 * w.of.data()[i % S::size] * (y.data()[i] - target.data()[i]) * scale;
        return sum;
    }
    static void check_options(const Options& o) {
        if (!(o.left >= 0)) throw ArgumentError("Weighed: left: expected a number >= 0");
    }
    static std::vector<Setting> settings(const Options& o) { return {{"left", std::to_string(o.left)}}; }
    static NamedValues metadata() { return {{"halves", "2"}}; }
};
struct Weighed {
    template <StaticShape S, std::floating_point T>
    using Bind = WeighedLoss<S, T>;
};

template <class Spec>
using VaeOf = VqVae<support::TinyEncoder<float>, Codebook<8>, support::TinyDecoder<float>, Spec>;

template <class Vae>
std::vector<std::string> names_of_state(const Vae& vae) {
    std::vector<std::string> names;
    Vae::each_state([&](const ParamPath& path, const auto&) { names.push_back(path.str()); }, vae);
    return names;
}

}  // namespace

TEST_CASE("Loss: a user's loss with buffers and options keeps the contract") {
    CHECK(support::keeps_loss_contract<Weighed, Shape<4, 4, 1>>());
}

TEST_CASE_TEMPLATE("Loss: a VqVae can be trained with any loss", Spec, Mse, L1, GaussianNll, Weighed) {
    Rng rng{1};
    VaeOf<Spec> vae{rng};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
    const auto x = support::batch_of<float>(support::bars(48, 1));
    const double first = trainer.step(x).reconstruction;
    double last = first;
    for (int i = 0; i < 40; ++i) last = trainer.step(x).reconstruction;
    CHECK(std::isfinite(last));
    CHECK(last < first);
}

TEST_CASE("Loss: its parameters are optimised, its buffers are saved, and its options are compared") {
    Rng rng{1};
    VaeOf<GaussianNll> learned{rng};
    CHECK(support::names_of(learned.params()).back() == "loss.log_variance");
    const auto x = support::batch_of<float>(support::bars(48, 1));
    Trainer trainer{learned, AdamW{learned, {.lr = 2e-2}}};
    double mse = 0;
    for (int i = 0; i < 200; ++i) trainer.step(x);
    const auto y = learned.reconstruct(x);
    for (std::size_t i = 0; i < y.span().size(); ++i)
        mse += std::pow(static_cast<double>(y.data()[i]) - static_cast<double>(x.data()[i]), 2) /
               static_cast<double>(y.span().size());
    CHECK(learned.params().loss.log_variance[0] < -1);
    CHECK(learned.params().loss.log_variance[0] == doctest::Approx(std::log(mse)).epsilon(0.2));

    const VaeOf<Weighed> kept{rng};
    VaeOf<Weighed> loaded{rng};
    const auto names = names_of_state(kept);
    CHECK(std::ranges::count(names, "loss.weight") == 1);
    CHECK(std::ranges::count(support::names_of(kept.params()), "loss.weight") == 0);
    CHECK(support::hash_state(kept) != support::hash_state(loaded));
    io::SafetensorsFile file{io::collect(kept).bytes(), "state"};
    io::load(file, loaded);
    CHECK(support::hash_state(kept) == support::hash_state(loaded));
    CHECK(VaeOf<Weighed>::metadata().back() == std::pair<std::string, std::string>{"loss.halves", "2"});
    CHECK(kept.settings().back() == Setting{"loss.left", "2.000000"});
    CHECK(support::message<ArgumentError>([&] {
              VaeOf<Weighed>{rng, {}, {.left = -1}};
          }) == "Weighed: left: expected a number >= 0");
    CHECK(support::message<ArgumentError>([&] {
              VaeOf<GaussianNll>{rng, {}, {.eps = 0}};
          }) == "GaussianNll: eps: expected a finite number > 0, got 0");
}

TEST_CASE("Loss: after an invalid spec compilation continues with a loss that is zero") {
    using L = detail::BrokenLoss<In, float>;
    Empty none;
    Tensor<float, In> y{1};
    CHECK(L::loss(none, std::as_const(y), std::as_const(y), none) == 0);
    CHECK(L::loss_and_grad(none, std::as_const(y), std::as_const(y), y.view(), none, none, 1) == 0);
}

}  // namespace loss_test
