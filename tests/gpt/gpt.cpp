#include <tessera/gpt/gpt.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/labels.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_gpt.hpp>
#include <support/user_block.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace tessera;
using support::batch_of;
using support::labels_of;
using support::moved_model;
using support::sequences;
using support::tiny_gpt;

namespace {

using Tiny = Gpt<tiny_gpt>;

constexpr GptConfig dropping{
    .vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 2, .classes = 3, .dropout_percent = 20};
constexpr GptConfig larger{.vocab = 90, .context = 20, .width = 48, .heads = 4, .layers = 3, .classes = 2};
constexpr GptConfig wide_net{.vocab = 9, .context = 5, .width = 256, .heads = 4, .layers = 1, .classes = 2};
constexpr GptConfig unlabelled{.vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1};

// The gradient of the net for 16 sequences that pass through it a few at a time.
template <class Model>
std::uint64_t gradient_bits(const Model& model, View<const Token, typename Model::Context> x, std::size_t together) {
    using Net = typename Model::Net;
    typename Net::Packed packed;
    typename Net::Cache cache;
    typename Net::Params grad;
    Tensor<float, typename Model::Logits> logits{together};
    nn::pack<Net>(model.params().net, packed);
    for (std::size_t first = 0; first < x.batch(); first += together) {
        const auto part = x.slice(first, together);
        nn::begin<Net>(cache, {true, Rng{3}, first});
        Net::forward(packed, part, logits.view(), cache);
        cross_entropy<float>(logits.span(), part.span(), logits.span(), 0.01f);
        const View<const float, typename Model::Logits> d{logits};
        Net::backward_params(packed, part, d, d, cache, grad);
    }
    return support::hash_bits(grad);
}

// Report and gradient of one call, as one number.
template <class Model>
std::uint64_t step_bits(const Model& model, const typename Model::Batch& batch, std::uint64_t seed = 5) {
    typename Model::Workspace ws;
    typename Model::Params grad;
    ws.rng = Rng{seed};
    const double loss = model.loss_and_grad(batch, ws, grad).loss;
    return support::hash_bits(std::span<const double>{&loss, 1}, support::hash_bits(grad));
}

}  // namespace

TEST_CASE("Gpt: before training every token is as likely as any other") {
    Rng rng{1};
    const Gpt<larger> prior{rng};
    const auto x = sequences<larger>(40, 2);
    CHECK(std::abs(prior.evaluate(x) / std::log(90.0) - 1) < 0.02);
    Gpt<larger>::Workspace ws;
    Gpt<larger>::Params grad;
    CHECK(std::abs(prior.loss_and_grad(batch_of<Gpt<larger>>(x), ws, grad).loss / std::log(90.0) - 1) < 0.02);
}

TEST_CASE("Gpt: the gradient agrees with central differences of the loss, in double") {
    using Model = Gpt<tiny_gpt, GptBlock<tiny_gpt.width, tiny_gpt.heads>, double>;
    auto model = moved_model<Model>({.label_dropout = 0});
    const auto x = sequences<tiny_gpt>(7, 2);
    Model::Workspace ws;
    Model::Params grad;
    const double loss = std::as_const(model).loss_and_grad(batch_of<Model>(x), ws, grad).loss;
    CHECK(loss == doctest::Approx(model.evaluate(x)).epsilon(1e-12));
    double worst = 0, largest = 0;
    Model::Params::each(
        [&](const ParamPath&, const auto& g) {
            for (const double v : g.span()) largest = std::max(largest, std::abs(v));
        },
        std::as_const(grad));
    Model::Params::each(
        [&](const ParamPath&, auto& p, const auto& g) {
            double scale = 1e-3 * largest;
            for (const double v : g.span()) scale = std::max(scale, std::abs(v));
            for (std::size_t i = 0; i < p.span().size(); i += 1 + p.span().size() / 30) {
                const double h = 1e-5, value = p[i];
                p[i] = value + h;
                const double above = model.evaluate(x);
                p[i] = value - h;
                const double below = model.evaluate(x);
                p[i] = value;
                worst = support::larger(worst, std::abs((above - below) / (2 * h) - g[i]) / scale);
            }
        },
        model.params(), std::as_const(grad));
    CHECK(worst < 1e-6);
}

TEST_CASE("Gpt: a token changes no logits at its position or before, and all after it") {
    const auto model = moved_model<Tiny>();
    support::Mismatch wrong;
    for (std::size_t j = 0; j < 5; ++j) {
        std::vector<Token> tokens{3, 1, 4, 1, 5};
        const auto before = model.logits({tokens.data(), 1});
        tokens[j] = 6;
        const auto after = model.logits({tokens.data(), 1});
        for (std::size_t t = 0; t < 5; ++t) {
            const auto a = before.span().subspan(t * 7, 7), b = after.span().subspan(t * 7, 7);
            wrong.compare(t <= j, std::ranges::equal(a, b), "equal logits of position ", t, " with another token ", j);
        }
    }
    CHECK(wrong.first() == "");
}

TEST_CASE("Gpt: freeze packs the panels of a forward pass, with the bits of a training step, and no others") {
    using Model = Gpt<larger>;
    const auto model = moved_model<Model>();
    Model::Net::Packed whole;
    nn::pack<Model::Net>(model.params().net, whole);
    const auto check = [&] {
        support::Mismatch wrong;
        const auto same = [&](const auto& a, const auto& b, const std::string& name) {
            const auto of = [](const auto& w) {
                return std::span{w.forward.data(), w.forward.panel_count() * w.forward.rows() * kernel::panel_width};
            };
            wrong.compare(b.forward.columns(), a.forward.columns(), name, ": columns");
            wrong.compare(of(b), of(a), name);
            wrong.compare(b.bias, a.bias, name, ": bias");
            wrong.compare(0, a.backward.columns(), name, ": backward");
        };
        const Model::Frozen kept = model.freeze();
        const auto& frozen = kept.weights();
        same(std::get<3>(frozen.items), std::get<3>(whole.items), "head");
        for (std::size_t i = 0; i < larger.layers; ++i) {
            const auto& [attention_a, mlp_a] = std::get<1>(frozen.items).items[i].items;
            const auto& [attention_b, mlp_b] = std::get<1>(whole.items).items[i].items;
            const auto &a = std::get<1>(attention_a.items), &b = std::get<1>(attention_b.items);
            const std::string layer = ", layer " + std::to_string(i);
            same(a.in, b.in, "attention in" + layer);
            same(a.out, b.out, "attention out" + layer);
            same(std::get<1>(mlp_a.items), std::get<1>(mlp_b.items), "first of the MLP" + layer);
            same(std::get<2>(mlp_a.items), std::get<2>(mlp_b.items), "second of the MLP" + layer);
        }
        return wrong.first();
    };
    CHECK(check() == "");
    CHECK(support::with_threads(3, check) == "");
}

TEST_CASE("Gpt: labels change the logits, and without labels a sequence begins with the null class") {
    auto model = moved_model<Tiny>();
    const std::vector<Token> tokens{3, 1, 4, 1, 5};
    const View<const Token, Shape<5>> x{tokens.data(), 1};
    const std::vector<Label> zero{Label{0}}, two{Label{2}};
    const auto none = model.logits(x), first = model.logits(x, zero), last = model.logits(x, two);
    CHECK(!std::ranges::equal(none.span(), first.span()));
    CHECK(!std::ranges::equal(first.span(), last.span()));
    auto& rows = std::get<0>(model.params().net.items).token;
    std::copy_n(rows.data() + tiny_gpt.null_token() * 8, 8, rows.data() + tiny_gpt.label_token(Label{2}) * 8);
    CHECK(support::equal_values(none.span(), model.logits(x, two).span()));
}

TEST_CASE(
    "Gpt: without classes a labelled dataset is trained and evaluated as it is, and logits for a label are refused") {
    using Plain = Gpt<unlabelled>;
    const auto model = moved_model<Plain>();
    const std::vector<Token> tokens{3, 1, 4, 1, 5};
    const std::vector<Label> label{Label{9}};
    const View<const Token, Shape<5>> x{tokens.data(), 1};
    CHECK(model.evaluate(data::Tokens<5>{tokens, label}) == model.evaluate(data::Tokens<5>{tokens}));
    Plain::Workspace ws;
    Plain::Params grad;
    CHECK(model.loss_and_grad({x, label, 0}, ws, grad).loss == model.loss_and_grad({x, {}, 0}, ws, grad).loss);
    CHECK(support::message<ArgumentError>([&] { return model.logits(x, label); }) ==
          "Gpt::logits: labels: expected none, as the prior has no classes, got 1");
}

TEST_CASE("Gpt: label dropout trains the null class instead of the label") {
    const auto x = sequences<tiny_gpt>(60, 2);
    // largest gradient of the embeddings of labels and of the null class
    const auto largest = [&](float label_dropout) {
        const auto model = moved_model<Tiny>({.label_dropout = label_dropout});
        Tiny::Workspace ws;
        Tiny::Params grad;
        model.loss_and_grad(batch_of<Tiny>(x), ws, grad);
        const auto g = std::get<0>(grad.net.items).token.span();
        const auto most = [&](std::size_t first, std::size_t rows) {
            float m = 0;
            for (const float v : g.subspan(first * 8, rows * 8)) m = std::max(m, std::abs(v));
            return m;
        };
        return std::pair{most(tiny_gpt.label_token(Label{0}), 3), most(tiny_gpt.null_token(), 1)};
    };
    CHECK(largest(0).first > 0);
    CHECK(largest(0).second == 0);
    CHECK(largest(1).first == 0);
    CHECK(largest(1).second > 0);
    CHECK(largest(0.5f).first > 0);
    CHECK(largest(0.5f).second > 0);
}

TEST_CASE("Gpt: token corruption replaces a share of the tokens of the input, the same in any part of a batch") {
    const auto x = sequences<tiny_gpt>(600, 2);
    const auto batch = batch_of<Tiny>(x);
    // The input of the net in a training step; as one part of the batch, and as two.
    const auto inputs = [&](double share, std::size_t first_part) {
        const auto model = moved_model<Tiny>({.label_dropout = 0, .token_corruption = share});
        std::vector<Token> all;
        for (const auto& [first, count] :
             {std::pair{std::size_t{0}, first_part}, std::pair{first_part, x.size() - first_part}}) {
            if (count == 0) continue;
            Tiny::Workspace ws;
            Tiny::Params grad;
            ws.rng = Rng{5};
            model.loss_and_grad({batch.x.slice(first, count), batch.labels.subspan(first, count), 0},
                                BatchPart{.first = first, .divisor = x.size()}, ws, grad);
            all.insert(all.end(), ws.input.span().begin(), ws.input.span().end());
        }
        return all;
    };
    const auto plain = inputs(0, 600), half = inputs(0.5, 600), all = inputs(1, 600);
    CHECK(half == inputs(0.5, 200));
    const auto changed = [&](const std::vector<Token>& input, bool label) {
        std::size_t n = 0;
        for (std::size_t i = 0; i < input.size(); ++i) n += (i % 5 == 0) == label && input[i] != plain[i];
        return static_cast<double>(n);
    };
    for (const auto& input : {plain, half, all}) CHECK(changed(input, true) == 0);
    // a random token is the same one in 1 of 7 cases; 2400 tokens, deviation 24
    CHECK(std::abs(changed(half, false) - 2400 * 0.5 * 6 / 7) < 100);
    CHECK(std::abs(changed(all, false) - 2400 * 6 / 7.) < 100);
    CHECK(support::message<ArgumentError>([] { moved_model<Tiny>({.token_corruption = 1.5}); }) ==
          "Gpt: token_corruption: expected a number in [0, 1], got 1.500000");
}

TEST_CASE("Gpt: a token or label out of range is refused, by name and index") {
    const auto model = moved_model<Tiny>();
    Tiny::Workspace ws;
    Tiny::Params grad;
    std::vector<Token> tokens(10, 1);
    const View<const Token, Shape<5>> x{tokens.data(), 2};
    const auto refused = [&]<class E>(std::vector<Label> given, const char* expected) {
        CHECK(support::message<E>([&] { return model.logits(x, given); }) == expected);
        CHECK(support::message<E>([&] { model.loss_and_grad({x, given, 0}, ws, grad); }) == expected);
    };
    refused.operator()<DataError>(labels_of({0, 3}), "Gpt: label 1: expected less than 3, got 3");
    refused.operator()<ArgumentError>(labels_of({0}), "Gpt: labels: expected 2, got 1");
    tokens[7] = 7;
    refused.operator()<DataError>(labels_of({0, 1}), "Gpt: sequence 1, token 2: expected less than 7, got 7");
    tokens[7] = 0;
    tokens[9] = no_token - 1;  // the last token is never an input, only a target
    refused.operator()<DataError>(labels_of({0, 1}), "Gpt: sequence 1, token 4: expected less than 7, got 4294967294");
    CHECK(support::message<ArgumentError>([&] { model.loss_and_grad({}, ws, grad); }) ==
          "Gpt: batch: expected at least one sequence, got 0");
    CHECK(support::message<ArgumentError>([&] { return model.evaluate({}); }) ==
          "Gpt::evaluate: sequences: expected at least one, got 0");
}

TEST_CASE("Gpt: weights are N(0, 0.02^2), those that add to the residual stream smaller, biases 0, gains 1") {
    Rng rng{1};
    const Gpt<larger> prior{rng};
    std::size_t smaller = 0;
    Gpt<larger>::Params::each(
        [&]<class Leaf>(const ParamPath& path, const Leaf& leaf) {
            double mean = 0, square = 0;
            const double n = static_cast<double>(leaf.span().size());
            for (const float v : leaf.span()) {
                mean += double{v} / n;
                square += double{v} * double{v} / n;
            }
            const bool ends = path.str().ends_with(".0.1.out_proj.weight") || path.str().ends_with(".1.3.weight");
            CHECK((leaf.role() == Role::residual) == ends);
            smaller += ends;
            INFO(path.str());
            if (Leaf::Dims::rank == 2) {
                CHECK(std::abs(mean) < 0.02 * 5 / std::sqrt(n));
                CHECK(std::sqrt(square) == doctest::Approx(ends ? 0.02 / std::sqrt(6.0) : 0.02).epsilon(0.08));
            } else {
                const bool gain = path.leaf() == "weight";
                CHECK(mean == doctest::Approx(gain ? 1 : 0));
                CHECK(square == doctest::Approx(gain ? 1 : 0));
            }
        },
        prior.params());
    CHECK(smaller == 6);
}

TEST_CASE("Gpt: the initial weights are those of the version before roles, bit for bit") {
    constexpr GptConfig config{
        .vocab = 37, .context = 19, .width = 40, .heads = 4, .layers = 2, .classes = 3, .dropout_percent = 10};
    Rng rng{42};
    const Gpt<config> prior{rng};
    CHECK(support::hash_bits(prior.params()) == 4966945004048456050u);
    CHECK(rng.below(1000000) == 327063);
}

namespace {
using OwnBlock = Gpt<larger, user::Block<larger.width>>;
}

TEST_CASE(
    "Gpt: a user's block is initialised by the roles of its weights, and leaves without a role keep their values") {
    Rng rng{1};
    const OwnBlock prior{rng};
    const auto& [mixer_branch, mlp_branch] = std::get<1>(prior.params().net.items).items[0].items;
    const auto deviation = [](const auto& leaf) {
        double square = 0;
        for (const float v : leaf.span()) square += double{v} * double{v} / static_cast<double>(leaf.span().size());
        return std::sqrt(square);
    };
    CHECK(deviation(std::get<1>(mixer_branch.items).weight) == doctest::Approx(0.5).epsilon(0.2));
    CHECK(deviation(std::get<1>(mlp_branch.items).weight) == doctest::Approx(0.02).epsilon(0.08));
    CHECK(deviation(std::get<3>(mlp_branch.items).weight) == doctest::Approx(0.02 / std::sqrt(3.0)).epsilon(0.08));
    CHECK(deviation(std::get<3>(mlp_branch.items).bias) == 0);
}

TEST_CASE("Gpt: a user's block can be trained") {
    Rng rng{1};
    OwnBlock prior{rng};
    Trainer trainer{prior, AdamW{prior, {.lr = 3e-3f}}};
    const auto x = sequences<larger>(8, 2);
    const double before = trainer.step(batch_of<OwnBlock>(x)).loss;
    for (int i = 0; i < 80; ++i) trainer.step(batch_of<OwnBlock>(x));
    CHECK(trainer.step(batch_of<OwnBlock>(x)).loss < 0.5 * before);
}

TEST_CASE("Gpt: the names of the parameters") {
    const auto names = support::names_of(Gpt<unlabelled>::Params{});
    const std::vector<std::string> expected{"prior.0.token.weight",
                                            "prior.0.position.weight",
                                            "prior.1.0.0.0.weight",
                                            "prior.1.0.0.0.bias",
                                            "prior.1.0.0.1.in_proj_weight",
                                            "prior.1.0.0.1.in_proj_bias",
                                            "prior.1.0.0.1.out_proj.weight",
                                            "prior.1.0.0.1.out_proj.bias",
                                            "prior.1.0.1.0.weight",
                                            "prior.1.0.1.0.bias",
                                            "prior.1.0.1.1.weight",
                                            "prior.1.0.1.1.bias",
                                            "prior.1.0.1.3.weight",
                                            "prior.1.0.1.3.bias",
                                            "prior.2.weight",
                                            "prior.2.bias",
                                            "prior.3.weight"};
    CHECK(names == expected);
}

TEST_CASE("Gpt: one, two, three and sixteen threads give the same bits, with and without dropout") {
    const auto x = sequences<tiny_gpt>(70, 2);
    const auto plain = moved_model<Tiny>();
    const auto dropped = moved_model<Gpt<dropping>>();
    CHECK(support::same_for_threads([&] { return step_bits(plain, batch_of<Tiny>(x)); }));
    CHECK(support::same_for_threads([&] { return step_bits(dropped, batch_of<Gpt<dropping>>(x)); }));
    CHECK(support::same_for_threads([&] { return plain.evaluate(x); }));
}

TEST_CASE("Gpt: a wide net has the same bits where many threads cut its blocks of sixteen sequences") {
    const auto x = sequences<wide_net>(70, 2);
    const auto model = moved_model<Gpt<wide_net>>();
    CHECK(support::same_for_threads([&] { return step_bits(model, batch_of<Gpt<wide_net>>(x)); }));
}

TEST_CASE("Gpt: the number of sequences that pass through the net together changes no bit of the gradient") {
    const auto x = sequences<larger>(16, 2);
    const auto model = moved_model<Gpt<larger>>();
    const std::uint64_t one_by_one = gradient_bits(model, x.view(), 1);
    CHECK(gradient_bits(model, x.view(), 4) == one_by_one);
    CHECK(gradient_bits(model, x.view(), 16) == one_by_one);
    const auto y = sequences<dropping>(16, 2);
    const auto dropped = moved_model<Gpt<dropping>>();
    CHECK(gradient_bits(dropped, y.view(), 4) == gradient_bits(dropped, y.view(), 16));
}

TEST_CASE("Gpt: dropout draws from the step's generator in training, and is off in evaluation") {
    const auto x = sequences<tiny_gpt>(20, 2);
    const auto plain = moved_model<Tiny>();
    const auto dropped = moved_model<Gpt<dropping>>();
    CHECK(plain.evaluate(x) == dropped.evaluate(x));
    CHECK(step_bits(dropped, batch_of<Gpt<dropping>>(x)) == step_bits(dropped, batch_of<Gpt<dropping>>(x)));
    CHECK(step_bits(dropped, batch_of<Gpt<dropping>>(x)) != step_bits(dropped, batch_of<Gpt<dropping>>(x), 6));
    CHECK(step_bits(dropped, batch_of<Gpt<dropping>>(x)) != step_bits(plain, batch_of<Tiny>(x)));
}

TEST_CASE("Gpt: a training step allocates nothing after the first") {
    const auto model = moved_model<Gpt<dropping>>();
    const auto x = sequences<dropping>(70, 2);
    const auto batch = batch_of<Gpt<dropping>>(x);
    Gpt<dropping>::Workspace ws;
    Gpt<dropping>::Params grad;
    support::with_threads(1, [&] {
        model.loss_and_grad(batch, ws, grad);
        const std::size_t before = support::allocations();
        model.loss_and_grad(batch, ws, grad);
        model.loss_and_grad({batch.x.slice(0, 33), batch.labels.first(33), 1}, ws, grad);
        CHECK(support::allocations() == before);
        return 0;
    });
}

TEST_CASE("Gpt: with_frozen packs the weights of the moment, and allocates them once") {
    using Model = Gpt<larger>;
    auto model = moved_model<Model>();
    const auto x = sequences<larger>(2, 5);
    const auto logits_bits = [&](const Model& m) {
        return m.with_frozen(
            [&](const auto& frozen) { return support::hash_bits<float>(frozen.logits(x.view()).span()); });
    };
    const auto first = logits_bits(model);
    const Model copy = model;
    model.params().net = moved_model<Model>({}, 0.5f).params().net;
    CHECK(logits_bits(model) != first);
    CHECK(logits_bits(model) == support::hash_bits<float>(model.freeze().logits(x.view()).span()));
    CHECK(logits_bits(copy) == first);
    // the weights, not what a call allocates besides
    const auto address = [](const auto& frozen) { return std::get<3>(frozen.weights().items).forward.data(); };
    const auto* const kept = model.with_frozen(address);
    CHECK(model.with_frozen(address) == kept);
    // one call inside another has memory of its own
    model.with_frozen([&](const auto& outer) {
        CHECK(address(outer) == kept);
        model.with_frozen([&](const auto& inner) { CHECK(address(inner) != kept); });
    });
    // what throws gives it back as well
    const auto* const last = model.with_frozen(address);
    CHECK_THROWS_AS(model.with_frozen([](const auto&) { throw ArgumentError("thrown"); }), ArgumentError);
    CHECK(model.with_frozen(address) == last);
    Model::Frozen again = copy.freeze();
    model.freeze(again);
    CHECK(support::hash_bits<float>(again.logits(x.view()).span()) == logits_bits(model));
}

TEST_CASE("Gpt: threads that share a const prior have the same results") {
    using Model = Gpt<larger>;
    const auto model = moved_model<Model>();
    const auto x = sequences<larger>(3, 6);
    const double expected = model.freeze().evaluate(x);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int n = 0; n < 50; ++n) wrong += model.evaluate(x) != expected;
            });
    }
    CHECK(wrong == 0);
}

TEST_CASE("Gpt: evaluate is the mean over all sequences, whatever their number") {
    const auto model = moved_model<Tiny>();
    const auto x = sequences<tiny_gpt>(37, 2);
    double sum = 0;
    for (std::size_t n = 0; n < 37; ++n)
        sum += model.evaluate(data::Tokens<5>{{x[n].begin(), x[n].end()}, {x.label(n)}, 3});
    CHECK(model.evaluate(x) == doctest::Approx(sum / 37).epsilon(1e-6));
}
