#include <tessera/vq/masked_images.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/loss/l1.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/gaussian_quant.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/lfq.hpp>
#include <tessera/vq/policy/cosine.hpp>
#include <tessera/vq/policy/diversity.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/sim_vq.hpp>
#include <tessera/vq/policy/space_filling_diveq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::TinyImage;

namespace masked_images_test {

namespace {

// Convolutions that see one patch only, so that a pixel belongs to one position.
inline constexpr nn::Window patch{.size = 4, .stride = 4};
template <class T, std::size_t Channels>
struct PatchEncoder : nn::BasicChain<T, TinyImage, nn::Conv2d<6, patch>, nn::Relu, nn::Conv2d<Channels, nn::keep1>> {};
template <class T, std::size_t Channels>
struct PatchDecoder : nn::BasicChain<T, Shape<2, 2, Channels>, nn::ConvTranspose2d<1, patch>, nn::Sigmoid> {};
template <class Spec, class T = float, class Loss = Mse, std::size_t In = 4, std::size_t Out = In>
using PatchVae = VqVae<PatchEncoder<T, In>, Spec, PatchDecoder<T, Out>, Loss>;

using Mask = Tensor<std::uint8_t, TinyImage>;

/// A mask of whole patches; that of image 3 is empty, of image 4 full.
Mask patches(std::size_t count) {
    Mask mask{count};
    Rng rng{9};
    for (std::size_t n = 0; n < count; ++n) {
        bool counts[4];
        for (bool& c : counts) c = n == 4 || (n != 3 && rng.below(3) != 0);
        for (std::size_t i = 0; i < 64; ++i) mask[n][i] = counts[i / 32 * 2 + i % 8 / 4];
    }
    return mask;
}
Mask ones(std::size_t count) {
    Mask mask{count};
    for (std::uint8_t& m : mask.span()) m = 1;
    return mask;
}

/// Steps as those of a Trainer, written out, with revival; returns the state and the sums of the last report.
template <class Vae>
struct Steps {
    Rng rng{1};
    Vae vae{rng};
    AdamW<typename Vae::Params> optimizer{{.lr = 5e-3, .weight_decay = 0}};
    typename Vae::Workspace ws;
    typename Vae::Params grad;
    typename Vae::Statistics statistics;
    typename Vae::Report report;
    std::uint64_t count = 0;

    void step(typename Vae::Batch x) {
        ws.rng = Rng{7}.split(count++);
        vae.prepare(x, ws);
        set_zero(grad);
        set_zero(statistics);
        report = std::as_const(vae).loss_and_grad(x, ws, grad);
        std::as_const(vae).observe(ws, BatchPart::whole(x.batch()), statistics);
        optimizer.update(vae.params(), grad);
        vae.update(ws, statistics);
    }
    std::uint64_t state() const { return support::hash_state(vae); }
};

auto images(std::size_t count) { return support::batch_of<float>(support::bars(count, 1)); }

/// Trains twice, with other pixels where none counts; "" where the states agree, and differ when a pixel that counts
/// has changed.
template <class Vae>
std::string seen_of_masked() {
    const auto x = images(40);
    const Mask mask = patches(40);
    auto hidden = x, shown = x;
    bool changed = false;
    for (std::size_t i = 0; i < x.span().size(); ++i) {
        if (mask.data()[i] == 0) hidden.data()[i] = 3 - 5 * x.data()[i];
        if (mask.data()[i] != 0 && !changed) {
            shown.data()[i] = 1 - x.data()[i];
            changed = true;
        }
    }
    Steps<Vae> one, other, third;
    for (int i = 0; i < 30; ++i) {
        one.step({x, mask});
        other.step({hidden, mask});
        third.step({shown, mask});
    }
    support::Mismatch wrong;
    wrong.compare(one.state(), other.state(), "state after other pixels where none counts");
    wrong.compare(one.report.loss, other.report.loss, "loss");
    wrong.compare(one.report.quantization_mse, other.report.quantization_mse, "quantization_mse");
    wrong.compare(one.report.perplexity, other.report.perplexity, "perplexity");
    wrong.require(one.state() != third.state(), "a pixel that counts has no influence");
    for (std::size_t n = 0; n < 40; ++n)
        for (std::size_t k = 0; k < 4; ++k) {
            const bool counts = mask[n][k / 2 * 32 + k % 2 * 4] != 0;
            for (std::size_t l = 0; l < Vae::tokens / 4; ++l)
                wrong.compare(counts, one.ws.chosen[n][k * (Vae::tokens / 4) + l] != no_token, "token of position ", k,
                              " of image ", n);
        }
    return wrong.first();
}

template <class Vae>
std::string differs_with_all() {
    const auto x = images(40);
    const Mask mask = ones(40);
    Steps<Vae> one, other;
    support::Mismatch wrong;
    for (int i = 0; i < 6; ++i) {
        one.step(x);
        other.step({x, mask});
        wrong.compare(one.report.loss, other.report.loss, "loss of step ", i);
        wrong.compare(one.report.quantization_mse, other.report.quantization_mse, "quantization_mse of step ", i);
        wrong.compare(one.report.perplexity, other.report.perplexity, "perplexity of step ", i);
    }
    wrong.compare(one.state(), other.state(), "state");
    return wrong.first();
}

}  // namespace

TEST_CASE("VqVae: a mask of ones gives the bits of no mask") {
    CHECK(differs_with_all<support::TinyVae<float>>() == "");
    CHECK(differs_with_all<PatchVae<Codebook<8, vq::Gradient, vq::Diversity>, float, L1>>() == "");
    CHECK(differs_with_all<PatchVae<ResidualVq<Codebook<6>, 2>>>() == "");
    CHECK(differs_with_all<PatchVae<Fsq<5, 5, 5, 5>>>() == "");
    CHECK(differs_with_all<PatchVae<Lfq<4>>>() == "");
}

TEST_CASE("VqVae: a pixel that only masked positions see changes no weight, average, report or start") {
    CHECK(seen_of_masked<PatchVae<Codebook<8>>>() == "");
    CHECK(seen_of_masked<PatchVae<Codebook<8>, float, L1>>() == "");
    CHECK(seen_of_masked<PatchVae<Codebook<8, vq::Gradient, vq::SpaceFillingDiVeQ>>>() == "");
    CHECK(seen_of_masked<PatchVae<Codebook<8, vq::Gradient, vq::Cosine, vq::Diversity>>>() == "");
    CHECK(seen_of_masked<PatchVae<Codebook<8, vq::SimVq>>>() == "");
    CHECK(seen_of_masked<PatchVae<ResidualVq<Codebook<6>, 2>>>() == "");
    CHECK(seen_of_masked<PatchVae<GroupedVq<Codebook<6>, 2>>>() == "");
    CHECK(seen_of_masked<PatchVae<Fsq<5, 5, 5, 5>>>() == "");
    CHECK(seen_of_masked<PatchVae<Lfq<4>>>() == "");
    CHECK(seen_of_masked<PatchVae<GaussianQuant<16>, float, Mse, 4, 2>>() == "");
}

TEST_CASE("VqVae: the loss and gradient with a mask are those of the pixels and positions that count") {
    using Vae = support::TinyVae<double>;
    Rng rng{3};
    Vae vae{rng};
    const auto x = support::batch_of<double>(support::bars(6, 1));
    Mask mask{6};  // some pixels of a patch, and none of others
    Rng draw{4};
    for (std::uint8_t& m : mask.span()) m = static_cast<std::uint8_t>(draw.below(2));
    for (std::size_t i = 0; i < 64; ++i)
        if (i % 8 < 4) mask[1][i] = 0;
    Vae::Workspace ws;
    Vae::Params grad;
    vae.prepare({x, mask}, ws);
    const auto report = std::as_const(vae).loss_and_grad({x, mask}, ws, grad);
    const Tensor<Token, Shape<4>> chosen = ws.chosen;
    for (std::size_t k = 0; k < 4; ++k) CHECK((chosen[1][k] == no_token) == (k % 2 == 0));
    const auto loss = [&] {
        const auto y = vae.decode(Vae::TokenView{chosen});
        double sum = 0;
        for (std::size_t i = 0; i < y.span().size(); ++i)
            if (mask.data()[i] != 0) sum += std::pow(y.data()[i] - x.data()[i], 2);
        return sum / static_cast<double>(y.span().size());
    };
    CHECK(report.reconstruction == doctest::Approx(loss()).epsilon(1e-12));
    double commitment = 0;
    for (std::size_t m = 0; m < 24; ++m)
        for (std::size_t i = 0; i < 4 && chosen.data()[m] != no_token; ++i)
            commitment +=
                std::pow(ws.z.data()[m * 4 + i] - vae.buffers().book.weight[chosen.data()[m] * std::size_t{4} + i], 2);
    CHECK(report.quantization_mse == doctest::Approx(commitment / 96).epsilon(1e-12));
    CHECK(report.terms.commitment == doctest::Approx(0.25 * commitment / 96).epsilon(1e-6));
    double worst = 0;
    std::size_t checked = 0;
    support::TinyDecoder<double>::Params::each(
        [&](const Path&, auto& p, const auto& g) {
            double largest = 1e-9;
            for (const double v : g.span()) largest = std::max(largest, std::abs(v));
            for (std::size_t i = 0; i < p.span().size(); i += 1 + p.span().size() / 40, ++checked) {
                const double h = 1e-6, value = p[i];
                p[i] = value + h;
                const double above = loss();
                p[i] = value - h;
                const double below = loss();
                p[i] = value;
                worst = support::larger(worst, std::abs((above - below) / (2 * h) - g[i]) / largest);
            }
        },
        vae.params().decoder, std::as_const(grad.decoder));
    CHECK(checked > 60);
    CHECK(worst < 1e-6);
}

TEST_CASE("VqVae: a batch in which no position counts changes nothing, and k-means waits for the next") {
    using Vae = support::TinyVae<float>;
    const auto x = images(20);
    Mask none{20};
    std::ranges::fill(none.span(), std::uint8_t{0});
    Steps<Vae> waits, plain;
    const std::uint64_t before = waits.state();
    waits.step({x, none});
    CHECK(waits.state() == before);
    CHECK(waits.report.loss == 0);
    CHECK(waits.report.used == 0);
    waits.ws.rng = plain.ws.rng = Rng{8};
    waits.vae.prepare(x, waits.ws);
    plain.vae.prepare(x, plain.ws);
    CHECK(waits.state() == plain.state());
    CHECK(waits.state() != before);
}

TEST_CASE("VqVae: k-means sees the positions that count, once each") {
    using Vae = PatchVae<Codebook<8>>;
    const auto x = images(20);
    const Mask mask = patches(20);
    Steps<Vae> steps;
    steps.vae.prepare({x, mask}, steps.ws);
    const auto& book = steps.vae.buffers().book;
    double rows = 0;
    for (const float n : book.count.span()) rows += static_cast<double>(n);
    std::size_t counted = 0;
    for (std::size_t m = 0; m < 80; ++m) counted += mask[m / 4][m % 4 / 2 * 32 + m % 2 * 4];
    const std::size_t up = (counted + 3) / 4 * 4;  // the last sample is completed
    CHECK(counted < 60);
    CHECK(rows <= static_cast<double>(up));
    CHECK(rows > 0);
}

TEST_CASE("VqVae: a step with a mask gives the same bits for any number of threads, and allocates nothing later") {
    using Vae = support::TinyVae<float>;
    const auto x = images(70);
    const Mask mask = patches(70);
    CHECK(support::same_for_threads([&] {
        Steps<Vae> steps;
        for (int i = 0; i < 3; ++i) steps.step({x, mask});
        return steps.state();
    }));
    support::with_threads(2, [&] {
        Steps<Vae> steps;
        for (int i = 0; i < 3; ++i) steps.step({x, mask});
        std::size_t fewest = 1000;
        for (int i = 0; i < 5; ++i) {
            const std::size_t before = support::allocations();
            steps.step(Vae::Batch{x, mask}.slice(0, i % 2 ? 33 : 70));
            fewest = std::min(fewest, support::allocations() - before);
        }
        CHECK(fewest == 0);
    });
}

TEST_CASE("MaskedImages: a slice has its part of the mask, and another number of masks is refused") {
    using Batch = support::TinyVae<float>::Batch;
    const auto x = images(5);
    const Mask mask = patches(5);
    const Batch batch{x, mask};
    CHECK((batch.slice(2, 3).mask().data() == mask[2].data() && batch.slice(2, 3).mask().batch() == 3));
    CHECK(batch.slice(2, 3).data() == x[2].data());
    CHECK((Batch{x}.mask().batch() == 0 && Batch{x}.slice(1, 2).mask().batch() == 0));
    const PatchVae<Fsq<5, 5, 5, 5>>::Batch other{batch};  // of another model
    CHECK(other.mask().data() == mask.data());
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(Batch{x, mask.view().slice(0, 4)});
          }) == "VqVae: batch: mask: expected 5 images, got 4");
}

}  // namespace masked_images_test
