#include <tessera/vq/masked_images.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/data/all_pixels.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/padded.hpp>
#include <tessera/loss/gaussian_nll.hpp>
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
#include <limits>
#include <span>
#include <string>
#include <type_traits>
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

TEST_CASE("VqVae: a pixel that only masked positions see changes no weight, average, report or initialisation") {
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
        [&](const ParamPath&, auto& p, const auto& g) {
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

    // The same initialisation on the rows that count, gathered here: one row more, less, twice or elsewhere gives other
    // bits.
    Rng rng{1};
    const Vae plain{rng};
    Vae::Frozen::Workspace encoding;
    Tensor<float, Shape<2, 2, 4>> z{20};
    plain.freeze().encode_vectors(x, z.view(), encoding);
    std::vector<float> rows;
    for (std::size_t m = 0; m < 80; ++m)
        if (mask[m / 4][m % 4 / 2 * 32 + m % 2 * 4] != 0)
            rows.insert(rows.end(), z.data() + 4 * m, z.data() + 4 * m + 4);
    const std::size_t counted = rows.size() / 4;
    CHECK(counted < 60);
    CHECK(counted % 4 != 0);
    for (std::size_t i = 0; rows.size() % 16 != 0; ++i) rows.push_back(rows[i]);  // the last sample is completed
    typename Vae::Quantizer::Params params = plain.params().quantizer;
    typename Vae::Buffers buffers = plain.buffers();
    vq::initialize_from_data<Vae::Quantizer>(params, buffers,
                                             View<const float, Shape<2, 2, 4>>{rows.data(), rows.size() / 16},
                                             plain.options(), Rng{}.split(1));
    CHECK(support::hash_bits(buffers) == support::hash_bits(steps.vae.buffers()));
    CHECK(support::hash_bits(buffers) != support::hash_bits(plain.buffers()));
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
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        support::with_threads(threads, [&] {
            Steps<Vae> steps;
            for (int i = 0; i < 3; ++i) steps.step({x, mask});
            for (const std::size_t count : {70, 33, 1}) {
                // With two threads a slot may be used for the first time: one of 20 steps finds both as they were.
                std::size_t fewest = 1000;
                for (int i = 0; i < (threads == 1 ? 1 : 20) && fewest > 0; ++i) {
                    const std::size_t before = support::allocations();
                    steps.step(Vae::Batch{x, mask}.slice(0, count));
                    fewest = std::min(fewest, support::allocations() - before);
                }
                CAPTURE(count);
                CHECK(fewest == 0);
            }
        });
    }
}

namespace {

// Pixel p becomes the number p, the codebook vectors are 0, 0.5, 0.75 and 9, and a vector e is decoded as 2 e.
struct Same : nn::Chain<Shape<2, 2, 1>, nn::Conv2d<1, nn::keep1>> {};
using ByHand = VqVae<Same, Codebook<4>, Same>;
ByHand by_hand() {
    Rng rng{1};
    ByHand vae{rng, {.kmeans = false}};
    std::get<0>(vae.params().encoder.items).weight.fill(1);
    std::get<0>(vae.params().encoder.items).bias.fill(0);
    std::get<0>(vae.params().decoder.items).weight.fill(2);
    std::get<0>(vae.params().decoder.items).bias.fill(0);
    const float codes[] = {0, 0.5f, 0.75f, 9};
    for (std::size_t k = 0; k < 4; ++k) vae.buffers().book.place(k, &codes[k], 1);
    return vae;
}

/// Two images of which four pixels count; 5 is not in the range and does not count.
struct Four {
    using Example = View<const float, Shape<2, 2, 1>>;
    std::vector<float> values{0, 5, 0.4f, 1, 0.9f, 0.9f, 0.9f, 0.2f};
    std::vector<std::uint8_t> counts{1, 0, 2, 1, 0, 0, 0, 1};
    std::size_t size() const { return 2; }
    void copy(std::size_t i, std::span<float, 4> to) const { std::copy_n(values.data() + 4 * i, 4, to.data()); }
    void copy_mask(std::size_t i, std::span<std::uint8_t, 4> to) const {
        std::copy_n(counts.data() + 4 * i, 4, to.data());
    }
    View<const float, Shape<2, 2, 1>> x() const { return {values.data(), 2}; }
    View<const std::uint8_t, Shape<2, 2, 1>> mask() const { return {counts.data(), 2}; }
};

std::string difference(const VqVaeEvaluation& expected, const VqVaeEvaluation& got) {
    support::Mismatch wrong;
    wrong.compare(expected.mse, got.mse, "mse");
    wrong.compare(expected.psnr_db, got.psnr_db, "psnr_db");
    wrong.compare(expected.quantization_mse, got.quantization_mse, "quantization_mse");
    wrong.compare(expected.perplexity, got.perplexity, "perplexity");
    wrong.compare(expected.usage, got.usage, "usage");
    wrong.require(expected.counts == got.counts, "counts");
    return wrong.first();
}

}  // namespace

TEST_CASE("evaluate: with a mask, means over the pixels and positions that count, against numbers by hand") {
    const ByHand vae = by_hand();
    const Four set;
    // 0 -> token 0 (0), 0.4 -> 1 (0.5, decoded as 1), 1 -> 2 (0.75, decoded as 1.5, clamped), 0.2 -> 0
    const VqVaeEvaluation report = vae.evaluate(set);
    CHECK(report.counts == std::vector<std::size_t>{2, 1, 1, 0});
    CHECK(report.usage == 0.75);
    CHECK(report.perplexity == doctest::Approx(std::pow(2, 1.5)));
    CHECK(report.mse == doctest::Approx((0.6 * 0.6 + 0.2 * 0.2) / 4));
    CHECK(report.psnr_db == doctest::Approx(10));
    CHECK(report.quantization_mse == doctest::Approx((0.1 * 0.1 + 0.25 * 0.25 + 0.2 * 0.2) / 4));
    CHECK(difference(report, vae.evaluate({set.x(), set.mask()})) == "");
    CHECK(difference(report, vae.freeze().evaluate({set.x(), set.mask()})) == "");
    for (auto&& batch : batches(set, 2, {.shuffle = false})) CHECK(difference(report, vae.evaluate(batch)) == "");
    CHECK(vae.codebook_report(set).counts == report.counts);
    CHECK(vae.freeze().codebook_report({set.x(), set.mask()}).counts == report.counts);

    // All pixels: those of the mask are in the range, or refused.
    CHECK(support::message<DataError>([&] {
              static_cast<void>(vae.evaluate(set.x()));
          }).starts_with("VqVae::evaluate: image 0: value: expected 0 to 1, got 5: "));
    CHECK(support::message<DataError>([&] {
              static_cast<void>(vae.evaluate(data::AllPixels{set}));
          }).starts_with("VqVae::evaluate: image 0: value: expected 0 to 1, got 5: "));
    const std::vector<std::uint8_t> none(8);
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(vae.evaluate({set.x(), View<const std::uint8_t, Shape<2, 2, 1>>{none.data(), 2}}));
          }) == "VqVae::evaluate: mask: expected at least one pixel that counts, got 0");
    CHECK(support::message<ArgumentError>([&] { static_cast<void>(vae.evaluate(ByHand::Images{})); }) ==
          "VqVae::evaluate: images: expected at least one, got 0");
}

TEST_CASE("evaluate: a value that does not count changes nothing, one that does, does") {
    ByHand vae = by_hand();
    Four set;
    const VqVaeEvaluation report = vae.evaluate(set);
    for (std::size_t i = 0; i < 8; ++i)
        if (set.counts[i] == 0) set.values[i] = -1000;
    CHECK(difference(report, vae.evaluate(set)) == "");
    set.counts[0] = 0;  // a pixel less
    CHECK(difference(report, vae.evaluate(set)) != "");
    CHECK(vae.evaluate(set).mse == doctest::Approx((0.6 * 0.6 + 0.2 * 0.2) / 3));
}

TEST_CASE("evaluate: of padded images, the sums over the known pixels of all pieces, with any number of threads") {
    using Small = data::Images<Shape<3, 5, 1>>;
    using Vae = support::TinyVae<float>;
    std::vector<std::uint8_t> bytes(600 * 15);
    Rng draw{2};
    for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(draw.below(256));
    const Small images{std::move(bytes)};
    const data::Padded<TinyImage, Small> padded{images};
    Rng rng{1};
    const Vae vae{rng};
    const VqVaeEvaluation report = vae.evaluate(padded);

    Tensor<float, TinyImage> x{600};
    Mask mask{600};
    for (std::size_t n = 0; n < 600; ++n) {
        padded.copy(n, x[n]);
        padded.copy_mask(n, mask[n]);
    }
    const auto y = vae.reconstruct({x, mask});
    double error = 0;
    for (std::size_t i = 0; i < x.span().size(); ++i)
        if (mask.data()[i] != 0) error += std::pow(static_cast<double>(y.data()[i] - x.data()[i]), 2);
    CHECK(report.mse == doctest::Approx(error / (600 * 15)).epsilon(1e-6));
    std::size_t positions = 0;
    for (const std::size_t n : report.counts) positions += n;
    CHECK(positions == 2400);  // the image is in the middle: each position sees some of it
    CHECK(difference(report, vae.evaluate({x, mask})) == "");
    CHECK(vae.evaluate(data::AllPixels{padded}).mse != report.mse);
    CHECK(difference(vae.evaluate(data::AllPixels{padded}), vae.evaluate({x, ones(600)})) == "");
    CHECK(support::same_for_threads([&] { return vae.evaluate(padded).mse + vae.evaluate(padded).quantization_mse; }));
}

TEST_CASE("VqVae: encode, reconstruct and evaluate see a mask as a training step does") {
    using Vae = PatchVae<ResidualVq<Codebook<6>, 2>, double>;
    Rng rng{3};
    Vae vae{rng};
    for (const std::size_t batch : {5, 40}) {  // threads share layers, or images
        CAPTURE(batch);
        const auto x = support::batch_of<double>(support::bars(batch, 1));
        Mask mask = patches(batch);
        mask[4][9] = 0;  // a pixel of a patch that counts
        Vae::Workspace ws;
        Vae::Params grad;
        vae.prepare({x, mask}, ws);
        const auto step = std::as_const(vae).loss_and_grad({x, mask}, ws, grad);
        Tensor<Token, Shape<8>> tokens{batch};
        vae.encode({x, mask}, tokens.view());
        support::Mismatch wrong;
        wrong.compare(ws.chosen.span(), tokens.span(), "tokens");
        std::size_t absent = 0, known = 0;
        for (const Token t : tokens.span()) absent += t == no_token;
        for (const std::uint8_t m : mask.span()) known += m != 0;
        CHECK(absent > 0);
        const auto y = vae.reconstruct({x, mask}), again = vae.decode(Vae::TokenView{tokens});
        wrong.compare(again.span(), y.span(), "reconstruction");
        CHECK(wrong.first() == "");
        const auto report = vae.evaluate({x, mask});
        const double numbers = static_cast<double>(batch * 64), positions = static_cast<double>(8 * batch - absent) / 2;
        CHECK(report.mse == doctest::Approx(step.reconstruction * numbers / static_cast<double>(known)).epsilon(1e-12));
        CHECK(report.quantization_mse ==
              doctest::Approx(step.quantization_mse * static_cast<double>(4 * batch) / positions).epsilon(1e-12));
        CHECK(report.perplexity == step.perplexity);
        CHECK(support::same_for_threads([&] {
            Tensor<Token, Shape<8>> found{batch};
            vae.encode({x, mask}, found.view());
            return support::hash_bits(std::span<const Token>{found.span()});
        }));
    }
}

TEST_CASE("VqVae: the tokens of a dataset are absent where a position does not count, but for AllPixels") {
    using Small = data::Images<Shape<2, 2, 1>>;
    using Vae = support::TinyVae<float>;
    const Small images{std::vector<std::uint8_t>{10, 200, 30, 90, 1, 2, 3, 4}, {Label{1}, Label{0}}, 3};
    struct Corner {  // the image is at the top left
        using Example = View<const float, TinyImage>;
        const Small* of;
        std::size_t size() const { return of->size(); }
        bool labelled() const { return of->labelled(); }
        Label label(std::size_t i) const { return of->label(i); }
        void copy(std::size_t i, std::span<float, 64> to) const {
            float own[4];
            of->copy(i, own);
            std::ranges::fill(to, 0.f);
            for (std::size_t p = 0; p < 4; ++p) to[p / 2 * 8 + p % 2] = own[p];
        }
        void copy_mask(std::size_t, std::span<std::uint8_t, 64> to) const {
            for (std::size_t p = 0; p < 64; ++p) to[p] = p / 8 < 2 && p % 8 < 2;
        }
    };
    const Corner corner{&images};
    Rng rng{1};
    const Vae vae{rng};
    const auto some = vae.encode(corner), all = vae.encode(data::AllPixels{corner});
    CHECK((some.labelled() && all.labelled() && all.label(0) == Label{1}));
    for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t k = 0; k < 4; ++k) {
            CHECK((some[n][k] == no_token) == (k != 0));
            CHECK(all[n][k] != no_token);
            if (k == 0) CHECK(some[n][k] == all[n][k]);
        }
}

TEST_CASE("VqVae: a loss that cannot be masked in training can be evaluated with a mask") {
    using Vae = VqVae<Same, Codebook<4>, Same, GaussianNll>;
    Rng rng{1};
    const Vae vae{rng, {.kmeans = false}};
    const Four set;
    std::size_t counted = 0;
    for (const std::size_t n : vae.evaluate(set).counts) counted += n;
    CHECK(counted == 4);
    CHECK(vae.evaluate({set.x(), set.mask()}).mse == vae.evaluate(set).mse);
}

TEST_CASE("VqVae: prepare refuses rows of processes of which some have a mask and others none") {
    using Vae = support::TinyVae<float>;
    const auto x = images(20);
    const Mask mask = patches(20);
    Rng rng{1};
    Vae vae{rng};
    Vae::Workspace ws;
    const BatchPart part{.first = 0, .samples = 40, .divisor = 40};
    auto gather = [calls = 0](std::span<const float> own, std::vector<float>& all) mutable {
        all.assign(own.begin(), own.end());
        if (calls++ == 0) all.insert(all.end(), own.begin(), own.end());  // another process, with as many rows of z
        return std::span<const float>{all};
    };
    CHECK(support::message<ArgumentError>([&] {
              vae.prepare({x, mask}, part, ws, gather);
          }) == "VqVae: batch: mask: expected one in each process or in none, got one for 20 of 40 images");
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
    CHECK((batch.has_mask() && !Batch{x}.has_mask() && batch.size() == 5 && batch.images().data() == x.data()));
    static_assert(!std::is_convertible_v<Batch, View<const float, TinyImage>>, "the mask would be lost");
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(Batch{x, mask.view().slice(0, 4)});
          }) == "VqVae: batch: mask: expected 5 images, got 4");
}

}  // namespace masked_images_test
