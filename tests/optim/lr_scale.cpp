#include <tessera/optim/lr_scale.hpp>

#include <doctest/doctest.h>

#include <optim/two_leaves.hpp>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/mismatch.hpp>

#include <tessera/core/param_path.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/optim/adam.hpp>
#include <tessera/optim/adamw.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace ts = tessera;

namespace {

/// A model with parts: encoder.0, encoder.10 and codebook, two leaves each.
struct Parts {
    TwoLeaves<float> encoder0, encoder10, codebook;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        const auto in_encoder = ts::with_prefix("encoder", f);
        TwoLeaves<float>::each(ts::with_prefix(std::size_t{0}, in_encoder), p.encoder0...);
        TwoLeaves<float>::each(ts::with_prefix(std::size_t{10}, in_encoder), p.encoder10...);
        TwoLeaves<float>::each(ts::with_prefix("codebook", f), p.codebook...);
    }
};
template <class Make>
Parts parts_of(Make make) {
    return {make(), make(), make()};
}

template <template <class> class Optimizer, class Options>
std::string scale_message(std::vector<ts::LrScale> scales) {
    try {
        Options options;
        options.lr_scale = std::move(scales);
        Optimizer<Parts> optimizer{options};
    } catch (const ts::ArgumentError& e) {
        return e.what();
    }
    return "nothing";
}

/// A part with a factor has the bits of a separate optimiser with that rate, the other parts those without a factor.
template <template <class> class Optimizer, class Options>
void compare_with_separate() {
    const auto with_rate = [](double lr) {
        Options options;
        options.lr = lr;
        options.weight_decay = 0.1;
        return options;
    };
    Options options = with_rate(1e-3);
    options.lr_scale = {{"encoder", 0.5}, {"codebook", 10}, {"encoder.10.bias", 0}};
    Optimizer<Parts> together{options};
    Optimizer<TwoLeaves<float>> half{with_rate(1e-3 * 0.5)}, ten{with_rate(1e-3 * 10)};
    auto parts = parts_of([] { return start<float>(); });
    auto encoder = start<float>(), codebook = start<float>();
    for (std::size_t t = 0; t < 6; ++t) {
        if (t == 3) {  // a schedule changes all rates together
            together.set_lr(2e-3);
            half.set_lr(2e-3 * 0.5);
            ten.set_lr(2e-3 * 10);
        }
        const auto g = gradient<float>(t);
        const std::size_t before = support::allocations();
        const Parts grad = parts_of([&] { return g; });
        const std::size_t made = support::allocations();
        together.update(parts, grad);
        if (t > 0) CHECK(support::allocations() == made);  // the first update may start oneTBB's scheduler
        CHECK(made > before);                              // the counter counts
        half.update(encoder, g);
        ten.update(codebook, g);
        CAPTURE(t);
        support::Mismatch wrong;
        wrong.compare_bits(encoder.weight.span(), parts.encoder0.weight.span(), "encoder.0.weight");
        wrong.compare_bits(encoder.bias.span(), parts.encoder0.bias.span(), "encoder.0.bias");
        wrong.compare_bits(codebook.weight.span(), parts.codebook.weight.span(), "codebook.weight");
        wrong.compare_bits(codebook.bias.span(), parts.codebook.bias.span(), "codebook.bias");
        CHECK(wrong.first() == "");
        CHECK(support::equal_values(encoder.weight.span(), parts.encoder10.weight.span()));
        CHECK(support::equal_values(start<float>().bias.span(), parts.encoder10.bias.span()));  // frozen
    }
}

}  // namespace

TEST_CASE(
    "LrScale: a part with one has the bits of a separate optimiser; an update after the first allocates nothing") {
    compare_with_separate<ts::AdamW, ts::AdamWOptions>();
    compare_with_separate<ts::Adam, ts::AdamOptions>();
}

TEST_CASE("LrScale: 1 for every part gives the bits of an optimiser without") {
    const auto trained = [](std::vector<ts::LrScale> scales) {
        ts::AdamW<Parts> optimizer{{.lr = 3e-4, .lr_scale = std::move(scales)}};
        auto parts = parts_of([] { return start<float>(); });
        for (std::size_t t = 0; t < 3; ++t) optimizer.update(parts, parts_of([&] { return gradient<float>(t); }));
        return support::hash_bits(parts);
    };
    CHECK(trained({}) == trained({{"encoder", 1}, {"codebook", 1}}));
    CHECK(trained({}) != trained({{"codebook", 2}}));
}

TEST_CASE("LrScale: a part that is none, comes twice or has no rate is refused, and the message lists what there is") {
    const auto told = scale_message<ts::AdamW, ts::AdamWOptions>;
    CHECK(told({{"decoder", 2}}) == "AdamW: lr_scale: decoder: expected a part of the parameters, such as encoder, "
                                    "codebook; no leaf has this name or begins with it");
    CHECK(told({{"encoder.1", 2}}) ==
          "AdamW: lr_scale: encoder.1: expected a part of the parameters, such as encoder.0, "
          "encoder.10; no leaf has this name or begins with it");
    CHECK(told({{"codebook.weight.0", 2}}).find("such as codebook.weight; ") != std::string::npos);
    CHECK(
        told({{"", 2}}).starts_with("AdamW: lr_scale: : expected a part of the parameters, such as encoder, codebook"));
    CHECK(told({{"code", 2}}).starts_with("AdamW: lr_scale: code: expected a part"));
    CHECK(told({{"codebook", 2}, {"encoder", 1}, {"codebook", 2}}) ==
          "AdamW: lr_scale: codebook: expected each part once, got it twice");
    CHECK(told({{"codebook", -1}}) == "AdamW: lr_scale: codebook: expected a finite number >= 0, got -1");
    CHECK(told({{"codebook", std::numeric_limits<double>::infinity()}}) ==
          "AdamW: lr_scale: codebook: expected a finite number >= 0, got inf");
    CHECK(told({{"encoder.10.bias", 0}, {"codebook", 10}}) == "nothing");
    CHECK(scale_message<ts::Adam, ts::AdamOptions>({{"decoder", 2}}).starts_with("Adam: lr_scale: decoder: "));
}

TEST_CASE("LrScale: is one of the settings that a file keeps") {
    const auto setting = [](const ts::AdamWOptions& options) { return ts::AdamW<Parts>{options}.settings().back(); };
    CHECK(setting({}) == ts::Setting{"lr_scale", "none"});
    CHECK(setting({.lr_scale = {{"codebook", 10}, {"encoder.0", 0.5}}}) ==
          ts::Setting{"lr_scale", "codebook 10, encoder.0 0.5"});
}
