#include <tessera/gpt/any_order_gpt.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/labels.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/temporary_folder.hpp>
#include <support/threads.hpp>
#include <support/tiny_gpt.hpp>
#include <tessera/gpt/sample_any_order.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace tessera;
using support::batch_of;
using support::labels_of;
using support::moved_model;
using support::sequences;
using support::tiny_gpt;

namespace any_order_gpt_test {

namespace {

using TinyAny = AnyOrderGpt<tiny_gpt>;
constexpr GptConfig any_larger{.vocab = 90, .context = 20, .width = 48, .heads = 4, .layers = 3, .classes = 2};
constexpr GptConfig any_dropping{
    .vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 2, .classes = 3, .dropout_percent = 20};
constexpr GptConfig any_modern{.vocab = 7,
                               .context = 5,
                               .width = 8,
                               .heads = 4,
                               .layers = 2,
                               .kv_heads = 2,
                               .norm = GptNorm::rms_norm,
                               .mlp = GptMlp::swiglu,
                               .bias = false};
constexpr GptConfig any_of_grid{
    .vocab = 7, .context = 6, .width = 8, .heads = 2, .layers = 2, .classes = 3, .kv_heads = 1};
using TinyRotary = AnyOrderGpt<support::with_llama_block(tiny_gpt)>;
using TinyGrid = AnyOrderGpt<support::with_llama_block(any_of_grid, 3)>;
using LargerRotary = AnyOrderGpt<support::with_llama_block(any_larger)>;
using DroppingGrid = AnyOrderGpt<support::with_llama_block(any_dropping, 5)>;

// The largest difference of the gradient from central differences of the loss of the same step.
template <GptConfig C>
double gradient_error() {
    using Model = AnyOrderGpt<C, double>;
    auto model = moved_model<Model>({.label_dropout = 0.3, .token_corruption = 0.2});
    const auto x = sequences<C>(7, 2);
    typename Model::Workspace ws;
    typename Model::Params grad, unused;
    ws.rng = Rng{5};
    const auto loss = [&](typename Model::Params& g) { return model.loss_and_grad(batch_of<Model>(x), ws, g).loss; };
    loss(grad);
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
                const double above = loss(unused);
                p[i] = value - h;
                const double below = loss(unused);
                p[i] = value;
                worst = support::larger(worst, std::abs((above - below) / (2 * h) - g[i]) / scale);
            }
        },
        model.params(), std::as_const(grad));
    return worst;
}

template <class Model>
std::uint64_t any_step_bits(const Model& model, const typename Model::Batch& batch, std::uint64_t seed = 5) {
    typename Model::Workspace ws;
    typename Model::Params grad;
    ws.rng = Rng{seed};
    const double loss = model.loss_and_grad(batch, ws, grad).loss;
    return support::hash_bits(std::span<const double>{&loss, 1}, support::hash_bits(grad));
}

}  // namespace

static_assert(Trainable<TinyAny> && Trainable<TinyRotary>);

TEST_CASE_TEMPLATE("AnyOrderGpt: before training every token is as likely as any other", M, AnyOrderGpt<any_larger>,
                   LargerRotary) {
    Rng rng{1};
    const M prior{rng};
    const auto x = sequences<any_larger>(40, 2);
    CHECK(std::abs(prior.evaluate(x, TokenOrder::raster) / std::log(90.0) - 1) < 0.02);
    CHECK(std::abs(prior.evaluate(x) / std::log(90.0) - 1) < 0.02);
}

TEST_CASE("AnyOrderGpt: the gradient agrees with central differences of the loss, in double") {
    CHECK(gradient_error<tiny_gpt>() < 1e-6);
    CHECK(gradient_error<any_modern>() < 1e-6);
    CHECK(gradient_error<TinyRotary::config>() < 1e-6);
    CHECK(gradient_error<TinyGrid::config>() < 1e-6);
}

TEST_CASE_TEMPLATE("AnyOrderGpt: logits of a position depend on the label and on the tokens before it in the order", M,
                   TinyAny, TinyRotary) {
    const auto model = moved_model<M>();
    const std::vector<std::uint32_t> order{3, 0, 4, 1, 2};
    const std::vector<Label> zero{Label{0}}, two{Label{2}};
    std::vector<Token> tokens{3, 1, 4, 1, 5};
    const auto logits = [&](const std::vector<Label>& label) {
        return model.logits({tokens.data(), 1}, {order.data(), 1}, label);
    };
    const auto before = logits(zero), other = logits(two);
    CHECK(!std::ranges::equal(before.span().first(7), other.span().first(7)));
    for (std::size_t j = 0; j < 5; ++j) {
        const Token kept = std::exchange(tokens[order[j]], 6u);
        const auto after = logits(zero);
        tokens[order[j]] = kept;
        for (std::size_t k = 0; k < 5; ++k) {
            INFO("token " << j << " of the order changed, logits " << k);
            const auto was = before.span().subspan(k * 7, 7), is = after.span().subspan(k * 7, 7);
            if (k <= j)
                CHECK(support::equal_values(was, is));
            else
                CHECK_FALSE(std::ranges::equal(was, is));
        }
    }
}

TEST_CASE_TEMPLATE(
    "AnyOrderGpt: logits depend on which tokens are known at which positions, and on the position of the query", M,
    TinyAny, TinyRotary) {
    const auto model = moved_model<M>();
    const std::vector<Token> tokens{3, 1, 4, 1, 5, 3, 1, 4, 1, 5};
    const auto last = [&](std::vector<std::uint32_t> a, std::vector<std::uint32_t> b) {
        a.insert(a.end(), b.begin(), b.end());
        const auto all = model.logits({tokens.data(), 2}, {a.data(), 2});
        return std::pair{std::vector<float>(all[0].begin() + 7, all[0].begin() + 14),
                         std::vector<float>(all[1].begin() + 7, all[1].begin() + 14)};
    };
    // token 1 known at position 1 or at position 3; the same query
    const auto [at_1, at_3] = last({1, 0, 2, 3, 4}, {3, 0, 2, 1, 4});
    CHECK(at_1 != at_3);
    // the same known token, a query for another position
    const auto [of_0, of_2] = last({1, 0, 2, 3, 4}, {1, 2, 0, 3, 4});
    CHECK(of_0 != of_2);
}

TEST_CASE_TEMPLATE("AnyOrderGpt: evaluate is the mean of -ln p of the logits, in both orders", M, TinyAny, TinyRotary) {
    const auto model = moved_model<M>();
    const auto x = sequences<tiny_gpt>(21, 2);
    for (const TokenOrder kind : {TokenOrder::raster, TokenOrder::random}) {
        std::vector<std::uint32_t> orders(21 * 5);
        for (std::size_t n = 0; n < 21; ++n)
            for (std::uint32_t i = 0; i < 5; ++i) orders[n * 5 + i] = i;
        if (kind == TokenOrder::random)
            for (std::size_t n = 0; n < 21; ++n) {
                Rng rng = Rng{4}.split(n);
                for (std::uint32_t i = 5; i > 1; --i) std::swap(orders[n * 5 + i - 1], orders[n * 5 + rng.below(i)]);
            }
        const auto logits = model.logits(x.view(), {orders.data(), 21}, x.labels());
        double total = 0;
        for (std::size_t i = 0; i < 21 * 5; ++i) {
            double sum = 0;
            for (std::size_t v = 0; v < 7; ++v) sum += std::exp(double{logits.span()[i * 7 + v]});
            total += std::log(sum) - double{logits.span()[i * 7 + x[i / 5][orders[i]]]};
        }
        CHECK(model.evaluate(x, kind, Rng{4}) == doctest::Approx(total / (21 * 5)).epsilon(1e-5));
    }
    CHECK(model.evaluate(x, TokenOrder::random, Rng{4}) != model.evaluate(x, TokenOrder::random, Rng{5}));
}

TEST_CASE_TEMPLATE("AnyOrderGpt: each sequence of a batch has the loss and the logits that it has alone", M, TinyAny,
                   TinyRotary) {
    const auto model = moved_model<M>({.label_dropout = 0});
    const auto x = sequences<tiny_gpt>(40, 2);  // several groups, and blocks of several sequences
    typename M::Workspace ws;
    typename M::Params grad;
    ws.rng = Rng{5};
    const double loss = model.loss_and_grad(batch_of<M>(x), ws, grad).loss;
    std::vector<std::uint32_t> orders;
    for (std::size_t n = 0; n < 40; ++n) {
        const auto queries = ws.input.places[n].template last<5>();
        orders.insert(orders.end(), queries.begin(), queries.end());
    }
    const auto together = model.logits(x.view(), {orders.data(), 40}, x.labels());
    double total = 0;
    for (std::size_t n = 0; n < 40; ++n) {
        const std::vector<Label> label{x.label(n)};
        const auto alone = model.logits(x.view().slice(n, 1), {&orders[n * 5], 1}, label);
        INFO("sequence " << n);
        CHECK(support::equal_values(alone.span(), together[n]));
        for (std::size_t k = 0; k < 5; ++k) {
            const auto row = alone.span().subspan(k * 7, 7);
            double sum = 0;
            for (const float v : row) sum += std::exp(double{v});
            total += std::log(sum) - double{row[x[n][orders[n * 5 + k]]]};
        }
    }
    CHECK(loss == doctest::Approx(total / (40 * 5)).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("AnyOrderGpt: threads, and the division of a batch into parts, change no bit of a step", Models,
                   std::tuple<TinyAny, AnyOrderGpt<any_dropping>>, std::tuple<TinyRotary, DroppingGrid>) {
    using Plain = std::tuple_element_t<0, Models>;
    using Dropped = std::tuple_element_t<1, Models>;
    const auto x = sequences<tiny_gpt>(70, 2);
    const auto plain = moved_model<Plain>();
    const auto dropped = moved_model<Dropped>();
    CHECK(support::same_for_threads([&] { return any_step_bits(plain, batch_of<Plain>(x)); }));
    CHECK(support::same_for_threads([&] { return any_step_bits(dropped, batch_of<Dropped>(x)); }));
    CHECK(support::same_for_threads([&] { return plain.evaluate(x); }));
    CHECK(any_step_bits(plain, batch_of<Plain>(x)) != any_step_bits(plain, batch_of<Plain>(x), 6));
    // the rows of the net, as one part and as two
    const auto rows = [&](std::size_t first_part) {
        std::pair<std::vector<Token>, std::vector<std::uint32_t>> all;
        const auto batch = batch_of<Plain>(x);
        for (const auto& [first, count] :
             {std::pair{std::size_t{0}, first_part}, std::pair{first_part, x.size() - first_part}}) {
            if (count == 0) continue;
            typename Plain::Workspace ws;
            typename Plain::Params grad;
            ws.rng = Rng{5};
            plain.loss_and_grad({batch.x.slice(first, count), batch.labels.subspan(first, count), 0},
                                BatchPart{.first = first, .samples = 70, .divisor = 70}, ws, grad);
            const auto tokens = ws.input.tokens.span();
            const auto places = ws.input.places.span();
            all.first.insert(all.first.end(), tokens.begin(), tokens.end());
            all.second.insert(all.second.end(), places.begin(), places.end());
        }
        return all;
    };
    CHECK(rows(70) == rows(32));
}

TEST_CASE("AnyOrderGpt: each step reads each sequence in another order") {
    const auto x = sequences<tiny_gpt>(40, 2);
    const auto model = moved_model<TinyAny>();
    TinyAny::Workspace ws;
    TinyAny::Params grad;
    std::vector<std::vector<Token>> seen;
    for (const std::uint64_t seed : {5u, 6u}) {
        ws.rng = Rng{seed};
        model.loss_and_grad(batch_of<TinyAny>(x), ws, grad);
        for (std::size_t n = 0; n < 40; ++n) {
            const auto queries = ws.input.tokens[n].last<5>();
            seen.emplace_back(queries.begin(), queries.end());
            std::vector<Token> places;
            for (const Token q : queries) places.push_back(q / 12);  // 7 tokens, 3 labels, the null class, the query
            std::ranges::sort(places);
            CHECK(places == std::vector<Token>{1, 2, 3, 4, 5});
        }
    }
    std::ranges::sort(seen);
    // of 120 permutations, 80 draws: 58.5 expected, deviation 3.1
    CHECK(std::unique(seen.begin(), seen.end()) - seen.begin() > 50);
}

TEST_CASE("AnyOrderGpt: with rotary positions a content is a token without its position; each row has its place") {
    const auto x = sequences<tiny_gpt>(40, 2);
    const auto model = moved_model<TinyRotary>();
    TinyRotary::Workspace ws;
    TinyRotary::Params grad;
    ws.rng = Rng{5};
    model.loss_and_grad(batch_of<TinyRotary>(x), ws, grad);
    for (std::size_t n = 0; n < 40; ++n) {
        const auto tokens = ws.input.tokens[n], places = ws.input.places[n];
        std::vector<std::uint32_t> order(places.begin() + 5, places.end());
        CHECK(tokens[0] >= 7);
        CHECK(places[0] == 0);
        for (std::size_t k = 0; k < 5; ++k) {
            CHECK(tokens[5 + k] == (order[k] + 1) * 12 + 11);  // 7 tokens, 3 labels, the null class, the query
            if (k == 0) continue;
            CHECK(places[k] == order[k - 1]);
            CHECK(tokens[k] == x[n][order[k - 1]]);
        }
        std::ranges::sort(order);
        CHECK(order == std::vector<std::uint32_t>{0, 1, 2, 3, 4});
    }
}

TEST_CASE_TEMPLATE("AnyOrderGpt: a training step allocates nothing after the first", M, AnyOrderGpt<any_dropping>,
                   DroppingGrid) {
    const auto model = moved_model<M>({.token_corruption = 0.1});
    const auto x = sequences<any_dropping>(70, 2);
    const auto batch = batch_of<M>(x);
    typename M::Workspace ws;
    typename M::Params grad;
    support::with_threads(1, [&] {
        model.loss_and_grad(batch, ws, grad);
        const std::size_t before = support::allocations();
        model.loss_and_grad(batch, ws, grad);
        model.loss_and_grad({batch.x.slice(0, 33), batch.labels.first(33), 1}, ws, grad);
        CHECK(support::allocations() == before);
        return 0;
    });
}

TEST_CASE("AnyOrderGpt: with_frozen packs the weights of the moment, and allocates them once") {
    using Model = AnyOrderGpt<any_larger>;
    auto model = moved_model<Model>();
    const auto address = [](const auto& frozen) { return std::get<3>(frozen.weights().items).forward.data(); };
    const auto* const kept = model.with_frozen(address);
    CHECK(model.with_frozen(address) == kept);
    Rng rng{4};
    const auto first = sample_any_order(model, 3, {.passes = 2}, rng);
    CHECK(model.with_frozen(address) == kept);
    Rng again{4};
    const auto frozen = model.freeze();
    CHECK(support::equal_values(first.view().span(), sample_any_order(frozen, 3, {.passes = 2}, again).view().span()));
    model.params().net = moved_model<Model>({}, 0.5f).params().net;
    const auto x = sequences<any_larger>(2, 5);
    std::vector<std::uint32_t> orders(2 * any_larger.context);
    for (std::size_t i = 0; i < orders.size(); ++i) orders[i] = static_cast<std::uint32_t>(i % any_larger.context);
    const typename Model::Orders raster{orders.data(), 2};
    CHECK(support::hash_bits<float>(model.logits(x.view(), raster).span()) ==
          support::hash_bits<float>(model.freeze().logits(x.view(), raster).span()));
}

TEST_CASE_TEMPLATE("AnyOrderGpt: a trainer teaches it sequences, in every order", M, AnyOrderGpt<any_larger>,
                   LargerRotary) {
    Rng rng{1};
    M prior{rng};
    Trainer trainer{prior, AdamW{prior, {.lr = 3e-3f}}};
    const auto x = sequences<any_larger>(2, 2);
    for (int i = 0; i < 300; ++i) trainer.step(batch_of<M>(x));
    CHECK(prior.evaluate(x, TokenOrder::raster) < 0.5);
    CHECK(prior.evaluate(x, TokenOrder::random) < 0.5);
}

TEST_CASE("AnyOrderGpt: saved and loaded, its weights have the same bits; another number of heads is refused") {
    const support::TemporaryFolder folder;
    const std::string path = folder / "prior.safetensors";
    const auto model = moved_model<TinyAny>();
    io::save(path, model);
    Rng rng{99};
    TinyAny loaded{rng};
    io::load(path, loaded);
    CHECK(support::hash_bits(loaded.params()) == support::hash_bits(model.params()));
    constexpr GptConfig one_head{.vocab = 7, .context = 5, .width = 8, .heads = 1, .layers = 2, .classes = 3};
    AnyOrderGpt<one_head> other{rng};
    CHECK(support::contains(support::message<Error>([&] { io::load(path, other); }), "heads: expected 1, file has 2"));
    CHECK(support::names_of(loaded.params()).front() == "prior.0.token.weight");
}

TEST_CASE("AnyOrderGpt: with rotary positions the first logits of an order depend on their position, too") {
    const auto model = moved_model<TinyRotary>();
    const std::vector<Token> tokens{3, 1, 4, 1, 5, 3, 1, 4, 1, 5};
    const std::vector<std::uint32_t> orders{0, 1, 2, 3, 4, 4, 1, 2, 3, 0};
    const auto logits = model.logits({tokens.data(), 2}, {orders.data(), 2});
    CHECK_FALSE(std::ranges::equal(logits[0].first(7), logits[1].first(7)));
    CHECK_FALSE(std::ranges::equal(logits[0].subspan(7, 7), logits[1].subspan(7, 7)));
}

TEST_CASE("AnyOrderGpt: files tell learned, rotary and grid positions apart") {
    const support::TemporaryFolder folder;
    const std::string path = folder / "prior.safetensors";
    const auto model = moved_model<AnyOrderGpt<support::with_llama_block(any_of_grid)>>();
    io::save(path, model);
    const auto refused = [&]<class Other>() {
        Rng rng{99};
        Other other{rng};
        return support::message<Error>([&] { io::load(path, other); });
    };
    CHECK(support::contains(refused.operator()<TinyGrid>(), "positions: expected rotary, 3 columns, file has rotary"));
    CHECK(refused.operator()<AnyOrderGpt<any_of_grid>>() != "");
    CHECK(refused.operator()<Gpt<support::with_llama_block(any_of_grid)>>() != "");
    Rng rng{99};
    AnyOrderGpt<support::with_llama_block(any_of_grid)> loaded{rng};
    io::load(path, loaded);
    CHECK(support::hash_bits(loaded.params()) == support::hash_bits(model.params()));
}

TEST_CASE("AnyOrderGpt: what cannot be read is refused, by name and index") {
    const auto model = moved_model<TinyAny>();
    TinyAny::Workspace ws;
    TinyAny::Params grad;
    std::vector<Token> tokens(10, 1);
    std::vector<std::uint32_t> orders{0, 1, 2, 3, 4, 4, 3, 2, 1, 0};
    const View<const Token, Shape<5>> x{tokens.data(), 2};
    const auto refused = [&]<class E>(const std::vector<Label>& given, const char* expected) {
        CHECK(support::message<E>([&] { return model.logits(x, {orders.data(), 2}, given); }) == expected);
        CHECK(support::message<E>([&] { model.loss_and_grad({x, given, 0}, ws, grad); }) == expected);
    };
    refused.operator()<DataError>(labels_of({0, 3}), "AnyOrderGpt: label 1: expected less than 3, got 3");
    refused.operator()<ArgumentError>(labels_of({0}), "AnyOrderGpt: labels: expected 2, got 1");
    tokens[7] = 7;
    refused.operator()<DataError>(labels_of({0, 1}), "AnyOrderGpt: sequence 1, token 2: expected less than 7, got 7");
    tokens[7] = 0;
    const auto order_error = [&](std::size_t count) {
        return support::message<ArgumentError>([&] { return model.logits(x, {orders.data(), count}); });
    };
    CHECK(order_error(1) == "AnyOrderGpt::logits: orders: expected 2, got 1");
    orders[6] = 4;
    CHECK(order_error(2) == "AnyOrderGpt::logits: order 1: expected each position below 5 once, got 4 twice");
    orders[6] = 5;
    CHECK(order_error(2) == "AnyOrderGpt::logits: order 1: expected each position below 5 once, got 5");
    CHECK(support::message<ArgumentError>([&] { model.loss_and_grad({}, ws, grad); }) ==
          "AnyOrderGpt: batch: expected at least one sequence, got 0");
    CHECK(support::message<ArgumentError>([&] { return model.evaluate({}); }) ==
          "AnyOrderGpt::evaluate: sequences: expected at least one, got 0");
    CHECK(support::message<ArgumentError>([] { moved_model<TinyAny>({.label_dropout = -1}); }) ==
          "AnyOrderGpt: label_dropout: expected a number in [0, 1], got -1.000000");
    CHECK(support::message<ArgumentError>([] { moved_model<TinyAny>({.token_corruption = 1.5}); }) ==
          "AnyOrderGpt: token_corruption: expected a number in [0, 1], got 1.500000");
}

}  // namespace any_order_gpt_test
