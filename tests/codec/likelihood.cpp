#include <tessera/codec/likelihood.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <utility>

using namespace tessera;

namespace likelihood_test {

namespace {
using Vae = support::TinyVae<float>;
constexpr GptConfig config{
    .vocab = Vae::codes, .context = Vae::tokens, .width = 8, .heads = 2, .layers = 1, .classes = 2};
using Prior = Gpt<config>;
}  // namespace

TEST_CASE("likelihood: the bits of the tokens are the prior's nats, those of the pixels the decoder's Gaussian") {
    Rng rng{1};
    const Vae vae{rng};
    const auto prior = support::moved_model<Prior>();
    const auto images = support::bars(600, 2);  // more than a piece of encode_dataset
    const double sigma = 0.2;
    const auto l = codec::likelihood(vae.freeze(), prior.freeze(), images, {.sigma = sigma});
    CHECK(l.token_bits == doctest::Approx(prior.evaluate(vae.encode(images)) * Vae::tokens / std::numbers::ln2));
    const auto y = vae.decode(vae.encode(images));
    CHECK(l.pixel_bits == doctest::Approx(pixel_bits<float>(images.bytes(), y.span(), sigma) / 600));
    CHECK(l.dimensions == 64);
    CHECK(l.sigma == sigma);
    CHECK(l.bits_per_dimension() == doctest::Approx((l.token_bits + l.pixel_bits) / 64));
    CHECK(l.bits_per_image() == doctest::Approx(l.token_bits + l.pixel_bits));
}

TEST_CASE("likelihood: without labels the null class is used") {
    Rng rng{1};
    const Vae vae{rng};
    const auto prior = support::moved_model<Prior>();
    const auto labelled = support::bars(20, 2);
    const data::Images<support::TinyImage> images{{labelled.bytes().begin(), labelled.bytes().end()}};
    const auto l = codec::likelihood(vae.freeze(), prior.freeze(), images, {.sigma = 0.1});
    CHECK(l.token_bits == doctest::Approx(prior.evaluate(vae.encode(images)) * Vae::tokens / std::numbers::ln2));
    CHECK(l.token_bits !=
          doctest::Approx(codec::likelihood(vae.freeze(), prior.freeze(), labelled, {.sigma = 0.1}).token_bits));
}

TEST_CASE("likelihood: no images and a sigma out of range are errors") {
    Rng rng{1};
    const Vae vae{rng};
    const auto prior = support::moved_model<Prior>();
    CHECK(support::message<ArgumentError>([&] {
              static_cast<void>(
                  codec::likelihood(vae.freeze(), prior.freeze(), data::Images<support::TinyImage>{}, {.sigma = 0.1}));
          }) == "likelihood: images: expected at least one, got 0");
    for (const auto& bad : {std::pair{0.0, "0"}, {1e-101, "1e-101"}, {1e101, "1e+101"}})
        CHECK(support::message<ArgumentError>([&] {
                  static_cast<void>(
                      codec::likelihood(vae.freeze(), prior.freeze(), support::bars(3, 1), {.sigma = bad.first}));
              }) == std::string{"likelihood: sigma: expected a number in [1e-100, 1e100], got "} + bad.second);
    auto images = support::bars(3, 1);
    const data::Images<support::TinyImage> third{{images.bytes().begin(), images.bytes().end()},
                                                 {Label{0}, Label{1}, Label{2}}};
    CHECK(support::message<DataError>([&] {
              static_cast<void>(codec::likelihood(vae.freeze(), prior.freeze(), third, {.sigma = 0.1}));
          }) == "Gpt: label 2: expected less than 2, got 2");
}

}  // namespace likelihood_test
