#include <tessera/vq/quantizer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/gpt/gpt.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;
using support::batch_of;

namespace quantizer_test {

namespace {

// A minimal quantizer: the sign of the mean of a row.
template <StaticShape In, std::floating_point T>
struct SignQuantizer {
    static constexpr std::size_t tokens = row_count<In>, codes = 2, width = last_dim<In>;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Buffers = Empty;
    using Packed = Empty;
    using Cache = Empty;
    struct Options {};

    static void init(Params&, Buffers&, Rng&) {}
    static void pack(const Params&, const Buffers&, const Options&, Packed&) {}
    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& c) {
        check_finite(z.span(), "encoder output", pass.first * In::size);
        for (std::size_t m = 0; m < z.batch() * tokens; ++m) {
            T sum = 0;
            for (std::size_t i = 0; i < width; ++i) sum += z.data()[m * width + i];
            out.data()[m] = sum > 0;
        }
        lookup(w, out, q, c);
    }
    static void lookup(const Packed&, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        for (std::size_t i = 0; i < q.elements(); ++i) {
            const Token k = in.data()[i / width];
            q.data()[i] = k == no_token ? T(0) : k == 1 ? T(1) : T(-1);
        }
    }
    static void backward(const Packed&, View<const T, In>, View<const Token, Shape<tokens>> in, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache&, Params&) {
        for (std::size_t i = 0; i < dz.elements(); ++i)
            dz.data()[i] = in.data()[i / width] == no_token ? T(0) : dq.data()[i];
    }
};
struct Sign {
    template <StaticShape In, std::floating_point T>
    using Bind = SignQuantizer<In, T>;
};

// Types that lack one member of the contract.
struct NoLookup : SignQuantizer<Shape<2, 3>, float> {
    static void lookup();
};
struct NoCodes : SignQuantizer<Shape<2, 3>, float> {
    static constexpr std::size_t codes = 0;
};
struct TooManyCodes : SignQuantizer<Shape<2, 3>, float> {
    static constexpr std::size_t codes = std::size_t{no_token} + 1;
};
struct NoParameterSet : SignQuantizer<Shape<2, 3>, float> {
    using Buffers = int;
};
static_assert(vq::Quantizer<SignQuantizer<Shape<2, 3>, float>> && vq::QuantizerSpec<Sign, Shape<2, 3>>);
static_assert(!vq::Quantizer<NoLookup> && !vq::Quantizer<NoCodes> && !vq::Quantizer<TooManyCodes> &&
              !vq::Quantizer<NoParameterSet>);
static_assert(!vq::Quantizer<int> && !vq::QuantizerSpec<SignQuantizer<Shape<2, 3>, float>, Shape<2, 3>>);

template <class Spec>
using VaeOf = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;

/// The loss of a pass over images of bars, before and after some steps.
template <class Vae>
std::pair<double, double> trained(Vae& vae, int steps) {
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
    const auto x = batch_of<float>(bars(48, 1));
    const double first = trainer.step(x).loss;
    double last = first;
    for (int i = 1; i < steps; ++i) last = trainer.step(x).loss;
    return {first, last};
}

}  // namespace

TEST_CASE("Quantizer: a user's quantizer without hooks keeps the contract") {
    CHECK(support::keeps_quantizer_contract<Sign, Shape<3, 3, 4>>());
}

TEST_CASE_TEMPLATE("Quantizer: a VqVae trains, encodes, decodes and evaluates with any quantizer", Spec,
                   Fsq<4, 3, 3, 3>, Sign, ResidualVq<Codebook<8>, 2>) {
    Rng rng{1};
    VaeOf<Spec> vae{rng};
    const auto [first, last] = trained(vae, 40);
    CHECK(std::isfinite(last));
    CHECK(last < first);
    const auto images = bars(20, 3);
    const auto tokens = vae.encode(images);
    CHECK(std::ranges::all_of(tokens.view().span(), [](Token t) { return t < VaeOf<Spec>::codes; }));
    const auto y = vae.decode(tokens), again = vae.reconstruct(batch_of<float>(images));
    CHECK(support::equal_values(y.span(), again.span()));
    const auto report = vae.evaluate(images);
    std::size_t count = 0;
    for (const std::size_t n : report.counts) count += n;
    CHECK(count == 20 * VaeOf<Spec>::tokens);
}

TEST_CASE("Quantizer: terms and parameters have their names in reports and files") {
    using Vae = VaeOf<ResidualVq<Codebook<8>, 2>>;
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae}};
    const auto report = trainer.step(batch_of<float>(bars(20, 1)));
    CHECK(report.terms.level[0].commitment > 0);
    CHECK(report.terms.level[1].commitment > 0);
    CHECK(report.quantizer == doctest::Approx(report.terms.level[0].commitment + report.terms.level[1].commitment));
    CHECK(report.loss == doctest::Approx(report.reconstruction + report.quantizer));
    std::vector<std::string> names;
    Vae::each_state([&](const ParamPath& path, const auto&) { names.push_back(path.str()); }, vae);
    CHECK(std::ranges::count(names, "0.codebook.weight") == 1);
    CHECK(std::ranges::count(names, "1.codebook.grace") == 1);
    CHECK(names.back() == "quantizer.started");
}

TEST_CASE("Quantizer: two tokens of a position, next to each other, reach a prior") {
    using Vae = VaeOf<ResidualVq<Codebook<8>, 2>>;
    static_assert(Vae::tokens == 8);
    Rng rng{1};
    Vae vae{rng};
    static_cast<void>(trained(vae, 30));
    const auto images = bars(24, 3);
    const data::Tokens<8> tokens = vae.encode(images);

    // The second level quantises the residual of the first: both are needed for the image.
    const auto whole = vae.decode(tokens);
    Tensor<Token, Shape<8>> first_level{24}, none{24};
    std::ranges::copy(tokens.view().span(), first_level.data());
    for (std::size_t i = 1; i < first_level.span().size(); i += 2) first_level.data()[i] = no_token;
    std::ranges::fill(none.span(), no_token);
    const auto rough = vae.decode(first_level.view()), blank = vae.decode(none.view());
    const auto error = [&](const Tensor<float, support::TinyImage>& y) {
        double sum = 0;
        for (std::size_t i = 0; i < y.span().size(); ++i)
            sum += std::pow(static_cast<double>(y.data()[i]) - images.bytes()[i] / 255.0, 2);
        return sum;
    };
    CHECK(error(whole) < error(rough));
    CHECK(error(rough) < error(blank));

    constexpr GptConfig config{
        .vocab = Vae::codes, .context = Vae::tokens, .width = 16, .heads = 2, .layers = 1, .classes = 2};
    Gpt<config> prior{rng};
    Trainer trainer{prior, AdamW{prior, {.lr = 1e-2}}};
    const double before = trainer.step({tokens.view(), tokens.labels(), 0}).loss;
    double after = before;
    for (int i = 0; i < 20; ++i) after = trainer.step({tokens.view(), tokens.labels(), 0}).loss;
    CHECK(after < before);
}

}  // namespace quantizer_test
