#include <tessera/gpt/likeliest_labels.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/sample.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace tessera;

namespace likeliest_labels_test {

namespace {
constexpr GptConfig config{.vocab = 7, .context = 12, .width = 16, .heads = 2, .layers = 2, .classes = 4};
using Model = Gpt<config>;
}  // namespace

TEST_CASE("likeliest_labels: the class with the fewest nats, the first of equals") {
    const auto model = support::moved_model<Model>({}, 0.6f);
    const auto frozen = model.freeze();
    const auto x = support::sequences<config>(40, 3);
    const auto got = likeliest_labels(frozen, x.view());
    std::vector<std::uint32_t> expected, indices;
    for (std::size_t n = 0; n < x.size(); ++n) {
        double least = std::numeric_limits<double>::infinity();
        std::uint32_t best = 0;
        for (std::uint32_t c = 0; c < config.classes; ++c) {
            const std::vector<Label> label{Label{c}};
            if (const double nats = sequence_nats(frozen, x.view().slice(n, 1), label)[0]; nats < least) {
                least = nats;
                best = c;
            }
        }
        expected.push_back(best);
        indices.push_back(got[n].index);
    }
    CHECK(support::first_difference(expected, indices) == "");

    auto equal = model;  // every class has the same embedding
    Model::Params::each([](const ParamPath&, auto& leaf) { leaf.fill(0); }, equal.params());
    for (const Label label : likeliest_labels(equal.freeze(), x.view())) REQUIRE(label == Label{0});
}

TEST_CASE("likeliest_labels: a prior whose probabilities are NaN has no likeliest class") {
    auto model = support::moved_model<Model>();
    Model::Params::each([](const ParamPath&, auto& leaf) { leaf.fill(std::numeric_limits<float>::quiet_NaN()); },
                        model.params());
    const auto x = support::sequences<config>(2, 3);
    CHECK(support::message<NumericError>([&] { static_cast<void>(likeliest_labels(model.freeze(), x.view())); }) ==
          "likeliest_labels: sequence 0, class 0: expected a negative log-likelihood, got NaN");
}

TEST_CASE("likeliest_labels: finds the class that sequences were drawn for far more often than chance") {
    const auto frozen = support::moved_model<Model>({}, 0.6f).freeze();
    Rng rng{5};
    std::vector<Label> labels;
    for (std::uint32_t i = 0; i < 200; ++i) labels.push_back(Label{i % 4});
    const auto drawn = sample(frozen, labels.size(), {.labels = labels}, rng);
    const auto got = likeliest_labels(frozen, drawn.view());
    int right = 0;
    for (std::size_t n = 0; n < labels.size(); ++n) right += got[n] == labels[n];
    CHECK(right > 90);  // chance: 50 of 200, deviation 6
}

TEST_CASE("likeliest_labels: only the first classes, where fewer were used; their number is checked") {
    const auto frozen = support::moved_model<Model>({}, 0.6f).freeze();
    const auto x = support::sequences<config>(40, 3);
    const auto all = likeliest_labels(frozen, x.view()), two = likeliest_labels(frozen, x.view(), 2);
    for (std::size_t n = 0; n < x.size(); ++n) {
        REQUIRE(two[n].index < 2);
        if (all[n].index < 2) REQUIRE(two[n] == all[n]);
    }
    for (const std::size_t classes : {0, 5})
        CHECK(support::message<ArgumentError>([&] {
                  static_cast<void>(likeliest_labels(frozen, x.view(), classes));
              }) == "likeliest_labels: classes: expected 1 to 4, got " + std::to_string(classes));
}

}  // namespace likeliest_labels_test
