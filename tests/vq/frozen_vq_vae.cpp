#include <tessera/vq/frozen_vq_vae.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace tessera;

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

using Vae = support::TinyVae<float>;
Vae random_vae() {
    Rng rng{1};
    return Vae{rng};
}

}  // namespace

TEST_CASE("evaluate: errors of clamped images and codebook usage, against numbers by hand") {
    const ByHand vae = by_hand();
    // 51 / 255 = 0.2 -> token 0 (0), 102 / 255 = 0.4 -> token 1 (0.5, decoded as 1), 255 -> token 2 (1.5, clamped)
    const data::Images<Shape<2, 2, 1>> images{std::vector<std::uint8_t>{0, 51, 102, 255, 0, 0, 0, 51}};
    const VqVaeEvaluation report = vae.evaluate(images);
    CHECK(report.counts == std::vector<std::size_t>{6, 1, 1, 0});
    CHECK(report.usage == 0.75);
    CHECK(report.perplexity == doctest::Approx(std::exp(-0.75 * std::log(0.75) - 0.25 * std::log(0.125))));
    CHECK(report.mse == doctest::Approx((2 * 0.2 * 0.2 + 0.6 * 0.6) / 8));
    CHECK(report.quantization_mse == doctest::Approx((2 * 0.2 * 0.2 + 0.1 * 0.1 + 0.25 * 0.25) / 8));
    CHECK(report.psnr_db == doctest::Approx(-10 * std::log10(report.mse)));
    CHECK(vae.codebook_report(images).counts == report.counts);
}

TEST_CASE("evaluate: a dataset of several pieces gives the mean over all, with any number of threads") {
    const Vae vae = random_vae();
    const auto images = support::bars(1100, 1);
    const VqVaeEvaluation whole = vae.evaluate(images);
    std::size_t count = 0;
    for (const std::size_t n : whole.counts) count += n;
    CHECK(count == 4400);
    const auto y = vae.reconstruct(support::batch_of<float>(images));
    double error = 0;
    for (std::size_t i = 0; i < y.span().size(); ++i)
        error += std::pow(static_cast<double>(std::clamp(y.data()[i], 0.f, 1.f)) - images.bytes()[i] / 255.0, 2);
    CHECK(whole.mse == doctest::Approx(error / static_cast<double>(y.span().size())).epsilon(1e-6));
    CHECK(support::same_for_threads([&] { return vae.evaluate(images).mse + vae.evaluate(images).quantization_mse; }));
}

namespace {

// Floats in any range, as a program of its own may have them.
struct Floats {
    using Example = View<const float, Shape<2, 2, 1>>;
    std::vector<float> values;
    std::size_t size() const { return values.size() / 4; }
    void copy(std::size_t i, std::span<float, 4> to) const { std::copy_n(values.data() + 4 * i, 4, to.data()); }
};

}  // namespace

TEST_CASE("evaluate: a data set in [-1, 1] needs its range, and then has the error of a calculation by hand") {
    const ByHand vae = by_hand();
    // -1 and -0.5 -> token 0 (0, decoded as 0), 0.5 -> 1 (1), 1 -> 2 (1.5, clamped to 1), in both images
    const Floats images{{-1, -0.5f, 0.5f, 1, 0.5f, 1, -0.5f, -1}};
    const VqVaeEvaluation report = vae.evaluate(images, {.low = -1, .high = 1});
    CHECK(report.mse == doctest::Approx((1 + 0.25 + 0.25 + 0) / 4));
    CHECK(report.psnr_db == doctest::Approx(10 * std::log10(4 / report.mse)));
    CHECK(support::message<DataError>([&] { static_cast<void>(vae.evaluate(images)); }) ==
          "VqVae::evaluate: image 0: value: expected 0 to 1, got -1: pass the range of the data, as evaluate(images, "
          "{.low = -1, .high = 1})");
    const Floats bytes{{0, 0, 0, 0, 0, 0, 0, 255}};
    CHECK(support::message<DataError>([&] {
              static_cast<void>(vae.evaluate(bytes));
          }).starts_with("VqVae::evaluate: image 1: value: expected 0 to 1, got 255: "));
    CHECK(vae.evaluate(Floats{{0, 0, 0, 1.000001f}}).mse >= 0);
    CHECK(vae.codebook_report(images).counts == report.counts);
    CHECK(support::message<ArgumentError>([&] { static_cast<void>(vae.evaluate(images, {.low = 1, .high = -1})); }) ==
          "VqVae::evaluate: range: expected low < high, both finite, got 1 to -1");
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(vae.evaluate(images, {.low = 0, .high = std::numeric_limits<float>::infinity()}));
          }) == "VqVae::evaluate: range: expected low < high, both finite, got 0 to inf");
}

TEST_CASE("evaluate: a perfect reconstruction has an infinite PSNR") {
    const VqVaeEvaluation report = by_hand().evaluate(Floats{{0, 0, 0, 0}});
    CHECK((report.mse == 0 && std::isinf(report.psnr_db) && report.psnr_db > 0));
}

TEST_CASE("evaluate: an empty dataset is refused") {
    CHECK(support::message<ArgumentError>([] {
              static_cast<void>(random_vae().evaluate(data::Images<support::TinyImage>{}));
          }) == "VqVae::evaluate: images: expected at least one, got 0");
}

TEST_CASE("FrozenVqVae: one image after another gives the bits of the whole batch") {
    const auto frozen = random_vae().freeze();
    const auto x = support::batch_of<float>(support::bars(21, 1));
    const View<const float, support::TinyImage> in{x};
    Vae::Frozen::Workspace ws;
    Tensor<Token, Shape<4>> codes{21}, one{1};
    Tensor<float, support::TinyImage> y{21}, image{1};
    frozen.encode(in, codes, ws);
    frozen.decode(View<const Token, Shape<4>>{codes}, y, ws);
    support::Mismatch wrong;
    for (std::size_t n = 0; n < 21; ++n) {
        frozen.encode(in.slice(n, 1), one, ws);
        frozen.decode(View<const Token, Shape<4>>{one}, image, ws);
        wrong.compare(codes[n], one.span(), "tokens of image ", n);
        wrong.compare(y[n], image.span(), "image ", n);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("FrozenVqVae: few images, whose layers several threads share, give the bits of one thread") {
    const auto frozen = random_vae().freeze();
    for (const std::size_t batch : {1u, 2u, 5u, 16u, 17u}) {
        const auto x = support::batch_of<float>(support::bars(batch, batch));
        const auto there_and_back = [&] {
            Vae::Frozen::Workspace ws;
            Tensor<Token, Shape<4>> codes{batch};
            Tensor<float, support::TinyImage> y{batch};
            for (int again = 0; again < 20; ++again) {
                frozen.encode(x, codes, ws);
                frozen.decode(View<const Token, Shape<4>>{codes}, y, ws);
            }
            return std::pair{support::hash_bits(std::span<const Token>{codes.span()}),
                             support::hash_bits(std::span<const float>{y.span()})};
        };
        CHECK(support::same_for_threads(there_and_back));
    }
}

TEST_CASE("FrozenVqVae: an image without tokens is refused with the same message by any number of threads") {
    const auto frozen = random_vae().freeze();
    struct Case {
        std::size_t batch, bad;
        const char* image;
    };
    for (const Case& c : {Case{2, 1, "1"}, Case{40, 37, "37"}}) {
        auto x = support::batch_of<float>(support::bars(c.batch, 1));
        x[c.bad][63] = std::numeric_limits<float>::quiet_NaN();
        Tensor<Token, Shape<4>> codes{c.batch};
        const auto refused = [&] {
            Vae::Frozen::Workspace ws;
            return support::message<NumericError>([&] { frozen.encode(x, codes, ws); });
        };
        CHECK(refused() == std::string{"VqVae: image "} + c.image + ": value 63: expected a finite number, got nan");
        CHECK(support::same_for_threads(refused));
    }
}

TEST_CASE("FrozenVqVae: an image of a data set without tokens is named by its number in the set") {
    const auto set = support::bars(600, 1);  // more than the piece of 512 that is in memory at a time
    struct Damaged {
        using Example = View<const float, Shape<8, 8, 1>>;
        const decltype(set)& images;
        std::size_t bad;

        std::size_t size() const { return images.size(); }
        void copy(std::size_t i, std::span<float, 64> out) const {
            images.copy(i, out);
            if (i == bad) out[63] = std::numeric_limits<float>::quiet_NaN();
        }
    };
    const auto frozen = random_vae().freeze();
    for (const std::size_t bad : {std::size_t{3}, std::size_t{597}}) {
        const std::string message = support::message<NumericError>([&] {
            std::ignore = frozen.encode(Damaged{set, bad});
        });
        CHECK(message == "VqVae: image " + std::to_string(bad) + ": value 63: expected a finite number, got nan");
        CHECK(support::message<NumericError>([&] {
                  std::ignore = frozen.codebook_report(Damaged{set, bad});
              }) == message);
        CHECK(support::message<DataError>([&] {
                  std::ignore = frozen.evaluate(Damaged{set, bad});
              }) == "VqVae::evaluate: image " + std::to_string(bad) + ": value: expected 0 to 1, got nan");
    }
}

TEST_CASE("FrozenVqVae: a dataset that grows or shrinks while it is read is refused") {
    struct Changing {
        using Example = View<const float, Shape<8, 8, 1>>;
        std::size_t before, after;
        mutable std::size_t copied = 0;

        std::size_t size() const { return copied == 0 ? before : after; }
        void copy(std::size_t, std::span<float, 64> out) const {
            std::ranges::fill(out, 0.5f);
            ++copied;
        }
    };
    const auto frozen = random_vae().freeze();
    for (const auto& [before, after] : {std::pair{10, 2000}, std::pair{600, 10}}) {
        const std::string numbers = "dataset: expected " + std::to_string(before) +
                                    " examples to the end, as at the beginning, got " + std::to_string(after);
        const Changing set{static_cast<std::size_t>(before), static_cast<std::size_t>(after)}, same = set;
        CHECK(support::message<StateError>([&] { std::ignore = frozen.encode(set); }) == "VqVae::encode: " + numbers);
        CHECK(support::message<StateError>([&] { std::ignore = frozen.evaluate(same); }) ==
              "VqVae::evaluate: " + numbers);
    }
}

TEST_CASE("FrozenVqVae: where the weights and not an image are at fault, the encoder's output is named") {
    Vae vae = random_vae();
    vae.params().encoder.each([](const ParamPath&, auto& leaf) { leaf.fill(std::numeric_limits<float>::infinity()); },
                              vae.params().encoder);
    const auto x = support::batch_of<float>(support::bars(20, 1));
    Tensor<Token, Shape<4>> codes{20};
    const std::string message = support::message<NumericError>([&] { vae.encode(x, codes.view()); });
    CHECK(message.starts_with("VqVae: encoder output "));
    CHECK(support::contains(message, ": expected a finite number, got "));
}

TEST_CASE("FrozenVqVae: an object without weights is refused, and one that was packed again works") {
    const Vae vae = random_vae();
    auto frozen = vae.freeze();
    const auto kept = std::move(frozen);
    const auto x = support::batch_of<float>(support::bars(20, 1));
    const auto images = support::bars(20, 1);
    Tensor<Token, Shape<4>> codes{20}, expected{20};
    Tensor<float, support::TinyImage> y{20};
    Vae::Frozen::Workspace ws;
    kept.encode(x, expected, ws);
    const auto refused = [&](const Vae::Frozen& empty) {
        const char* const message =
            "FrozenVqVae: expected packed weights, got an object that is empty or was moved from";
        CHECK(support::message<StateError>([&] { empty.encode(x, codes, ws); }) == message);
        CHECK(support::message<StateError>([&] { empty.decode(View<const Token, Shape<4>>{expected}, y, ws); }) ==
              message);
        CHECK(support::message<StateError>([&] { std::ignore = empty.encode(images); }) == message);
        CHECK(support::message<StateError>([&] { std::ignore = empty.evaluate(images); }) == message);
    };
    refused(Vae::Frozen{});
    refused(frozen);
    frozen = kept;
    frozen.encode(x, codes, ws);
    CHECK(support::equal_values(codes.span(), expected.span()));
}

TEST_CASE("FrozenVqVae: keeps the weights it was packed from, and allocates nothing for a batch size seen before") {
    Vae vae = random_vae();
    const auto frozen = vae.freeze();
    const auto x = support::batch_of<float>(support::bars(33, 1));
    Vae::Frozen::Workspace ws;
    Tensor<Token, Shape<4>> codes{33};
    Tensor<float, support::TinyImage> y{33}, later{33};
    frozen.encode(x, codes, ws);
    frozen.decode(View<const Token, Shape<4>>{codes}, y, ws);
    support::with_threads(1, [&] {  // so that one slot has been used
        frozen.encode(x, codes, ws);
        frozen.decode(View<const Token, Shape<4>>{codes}, y, ws);
        const std::size_t before = support::allocations();
        frozen.encode(x, codes, ws);
        frozen.decode(View<const Token, Shape<4>>{codes}, y, ws);
        CHECK(support::allocations() == before);
        return 0;
    });
    set_zero(vae.params());
    frozen.decode(View<const Token, Shape<4>>{codes}, later, ws);
    CHECK(support::equal_values(later.span(), y.span()));
}

TEST_CASE("FrozenVqVae: a token out of range, and an output of another batch size, are refused") {
    const Vae vae = random_vae();
    Tensor<Token, Shape<4>> codes{3};
    codes[1][2] = 8;
    CHECK(support::message<DataError>([&] { static_cast<void>(vae.decode(View<const Token, Shape<4>>{codes})); }) ==
          "VqVae::decode: token 6: expected less than 8, got 8");
    CHECK(support::message<DataError>([&] {
              static_cast<void>(vae.decode(data::Tokens<4>{{0, 1, 4294967294, 3}}));
          }) == "VqVae::decode: token 2: expected less than 8, got 4294967294");
    const auto x = support::batch_of<float>(support::bars(2, 1));
    CHECK(support::message<ArgumentError>([&] { vae.encode(x, codes); }) ==
          "VqVae::encode: batch of the output: expected 2, got 3");
    codes[1][2] = 7;
    Tensor<float, support::TinyImage> y{2};
    Vae::Frozen::Workspace ws;
    CHECK(support::message<ArgumentError>([&] { vae.freeze().decode(View<const Token, Shape<4>>{codes}, y, ws); }) ==
          "VqVae::decode: batch of the output: expected 3, got 2");
    CHECK(support::message<ArgumentError>([&] {
              vae.freeze().encode_vectors(x, View<float, Shape<2, 2, 4>>{nullptr, 1}, ws);
          }) == "VqVae::encode_vectors: batch of the output: expected 2, got 1");
}

TEST_CASE("FrozenVqVae: an absent token adds nothing, for few images and for many") {
    const ByHand vae = by_hand();
    for (const std::size_t batch : {2u, 40u}) {
        Tensor<Token, Shape<4>> codes{batch};
        std::ranges::fill(codes.span(), Token{2});
        codes[1][3] = no_token;
        const auto y = vae.decode(View<const Token, Shape<4>>{codes});
        support::Mismatch wrong;
        for (std::size_t i = 0; i < y.span().size(); ++i)
            wrong.compare(i == 7 ? 0.f : 1.5f, y.data()[i], "element ", i);
        CHECK(wrong.first() == "");
    }
}
