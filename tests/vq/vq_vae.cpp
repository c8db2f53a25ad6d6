#include <tessera/vq/vq_vae.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/save.hpp>
#include <tessera/optim/adamw.hpp>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tessera;
using support::bars;
using support::batch_of;
using support::TinyVae;

namespace {

using Vae = TinyVae<float>;

enum class Keys { different, of_vq_vae, of_its_metadata };

// A Codebook whose keys in files are `different`, or collide.
template <Keys K, StaticShape In, std::floating_point T>
struct KeyedCodebook : CodebookQuantizer<In, 8, T> {
    static std::vector<Setting> settings(const CodebookOptions& o) {
        auto all = CodebookQuantizer<In, 8, T>::settings(o);
        if (K == Keys::of_vq_vae) all.push_back({"tokens", "8"});
        return all;
    }
    static NamedValues metadata() { return {{K == Keys::of_its_metadata ? "commitment" : "levels", "8"}}; }
};
template <Keys K>
struct Keyed {
    template <StaticShape In, std::floating_point T>
    using Bind = KeyedCodebook<K, In, T>;
};
// A loss with the keys of the quantizer and of VqVae.
template <StaticShape In, std::floating_point T>
struct KeyedMse : MseLoss<In, T> {
    static constexpr std::string_view name = "KeyedMse";
    static std::vector<Setting> settings(const typename MseLoss<In, T>::Options&) {
        return {{"commitment", "1", {"variance"}}, {"loss", "2"}};
    }
    static NamedValues metadata() { return {{"levels", "3"}, {"codes", "4"}}; }
};
struct KeyedLoss {
    template <StaticShape In, std::floating_point T>
    using Bind = KeyedMse<In, T>;
};
template <Keys K>
using KeyedVae = VqVae<support::TinyEncoder<float>, Keyed<K>, support::TinyDecoder<float>, KeyedLoss>;

bool rounds_up() {
    const volatile float one = 1, tiny = 1e-10f;
    return one + tiny > 1;
}
std::atomic<std::size_t> upward_calls{0}, all_calls{0};
void record() {
    ++all_calls;
    upward_calls += rounds_up() ? 1 : 0;
}

// A Codebook that records how the functions of the contract are called.
template <StaticShape In, std::floating_point T>
struct RecordingCodebook : CodebookQuantizer<In, 8, T> {
    using Base = CodebookQuantizer<In, 8, T>;
    static void init(auto&... a) {
        record();
        Base::init(a...);
    }
    static void pack(const Empty& p, const typename Base::Buffers& b, const CodebookOptions& o,
                     typename Base::Packed& w) {
        record();
        Base::pack(p, b, o, w);
    }
    static void forward(const typename Base::Packed& w, const nn::Pass& pass, View<const T, In> z,
                        View<Token, Shape<Base::tokens>> out, View<T, In> q, typename Base::Cache& c) {
        record();
        Base::forward(w, pass, z, out, q, c);
    }
    static void lookup(const typename Base::Packed& w, View<const Token, Shape<Base::tokens>> in, View<T, In> q,
                       typename Base::Cache& c) {
        record();
        Base::lookup(w, in, q, c);
    }
    static void observe(const typename Base::Packed& w, View<const T, In> z, View<const Token, Shape<Base::tokens>> in,
                        const BatchPart& part, Rng rng, typename Base::Cache& c, typename Base::Statistics& s) {
        record();
        Base::observe(w, z, in, part, rng, c, s);
    }
    static void update(Empty& p, typename Base::Buffers& b, const typename Base::Statistics& s,
                       const CodebookOptions& o) {
        record();
        Base::update(p, b, s, o);
    }
    static void initialize_from_data(Empty& p, typename Base::Buffers& b, View<const T, In> z, const CodebookOptions& o,
                                     Rng rng) {
        record();
        Base::initialize_from_data(p, b, z, o, rng);
    }
};
struct Recording {
    template <StaticShape In, std::floating_point T>
    using Bind = RecordingCodebook<In, T>;
};

// The steps of a Trainer, written out.
struct Steps {
    Vae vae;
    AdamW<Vae::Params> optimizer{{.lr = 1e-3}};
    Vae::Workspace ws;
    Vae::Params grad;
    Vae::Statistics statistics;
    std::uint64_t count = 0;

    explicit Steps(Rng rng) : vae{rng} {}
    Vae::Report step(Vae::Batch x) {
        ws.rng = Rng{7}.split(count++);
        vae.prepare(x, ws);
        set_zero(grad);
        set_zero(statistics);
        const Vae::Report report = std::as_const(vae).loss_and_grad(x, ws, grad);
        std::as_const(vae).observe(ws, BatchPart::whole(x.batch()), statistics);
        optimizer.update(vae.params(), grad);
        vae.update(ws, statistics);
        return report;
    }
};

// The loss as a function of the weights only: the tokens are fixed, and q is z + (q - z) with the bracket as a
// constant.
struct Surrogate {
    using Model = TinyVae<double>;
    using Encoder = support::TinyEncoder<double>;
    using Decoder = support::TinyDecoder<double>;

    Model& model;
    Tensor<double, support::TinyImage> x;
    double beta;
    Tensor<double, Shape<2, 2, 4>> z{x.batch()}, q{x.batch()}, difference{x.batch()};

    Surrogate(Model& m, Tensor<double, support::TinyImage> images, double commitment)
        : model{m}, x{std::move(images)}, beta{commitment} {
        encode();
        Tensor<Token, Shape<4>> codes{x.batch()};
        model.encode(x, codes);
        for (std::size_t i = 0; i < q.span().size(); ++i) {
            q.data()[i] = model.buffers().book.weight[codes.span()[i / 4] * std::size_t{4} + i % 4];
            difference.data()[i] = q.data()[i] - z.data()[i];
        }
    }
    void encode() {
        nn::Weights<Encoder> w;
        nn::pack<Encoder>(model.params().encoder, w);
        Encoder::Cache cache;
        Encoder::forward(w, View<const double, support::TinyImage>{x}, z, cache);
    }
    double operator()() {
        encode();
        double commitment = 0, error = 0;
        Tensor<double, Shape<2, 2, 4>> straight{x.batch()};
        for (std::size_t i = 0; i < q.span().size(); ++i) {
            straight.data()[i] = z.data()[i] + difference.data()[i];
            commitment += std::pow(z.data()[i] - q.data()[i], 2) / static_cast<double>(q.span().size());
        }
        nn::Weights<Decoder> w;
        nn::pack<Decoder>(model.params().decoder, w);
        Decoder::Cache cache;
        Tensor<double, support::TinyImage> y{x.batch()};
        Decoder::forward(w, View<const double, Shape<2, 2, 4>>{straight}, y, cache);
        for (std::size_t i = 0; i < y.span().size(); ++i)
            error += std::pow(y.data()[i] - x.data()[i], 2) / static_cast<double>(y.span().size());
        return error + beta * commitment;
    }
};

}  // namespace

TEST_CASE("VqVae: the gradient is that of the loss with the quantizer taken as z + constant, and of the commitment") {
    using Model = TinyVae<double>;
    const float beta = 0.25f;
    Rng rng{3};
    Model model{rng, {.commitment = beta}};
    const auto x = batch_of<double>(bars(6, 1));
    Model::Workspace ws;
    model.prepare(x, ws);
    for (double& v : model.buffers().book.weight.span()) v += 0.05;  // so that z and q differ
    Model::Params grad;
    const Model::Report report = std::as_const(model).loss_and_grad(x, ws, grad);

    Surrogate surrogate{model, x, static_cast<double>(beta)};
    CHECK(report.loss == doctest::Approx(surrogate()).epsilon(1e-12));
    CHECK(report.quantization_mse > 1e-4);
    CHECK(report.terms.commitment ==
          doctest::Approx(static_cast<double>(beta) * report.quantization_mse).epsilon(1e-12));
    double worst = 0;
    std::size_t checked = 0;
    Model::Params::each(
        [&](const ParamPath&, auto& p, const auto& g) {
            double largest = 1e-9;
            for (const double v : g.span()) largest = std::max(largest, std::abs(v));
            for (std::size_t i = 0; i < p.span().size(); i += 1 + p.span().size() / 60, ++checked) {
                const double h = 1e-6, value = p[i];
                p[i] = value + h;
                const double above = surrogate();
                p[i] = value - h;
                const double below = surrogate();
                p[i] = value;
                worst = support::larger(worst, std::abs((above - below) / (2 * h) - g[i]) / largest);
            }
        },
        model.params(), std::as_const(grad));
    CHECK(checked > 150);
    CHECK(worst < 1e-6);
}

TEST_CASE("VqVae: beta moves the encoder only, and the codebook learns from update alone") {
    const auto x = batch_of<float>(bars(20, 1));
    std::uint64_t decoder[2], encoder[2], book[2];
    for (const bool commit : {false, true}) {
        Rng rng{3};
        Vae vae{rng, {.commitment = commit ? 1.f : 0.f}};
        Vae::Workspace ws;
        Vae::Params grad;
        vae.prepare(x, ws);
        const std::uint64_t before = support::hash_bits(vae.buffers());
        std::as_const(vae).loss_and_grad(x, ws, grad);
        decoder[commit] = support::hash_bits(grad.decoder);
        encoder[commit] = support::hash_bits(grad.encoder);
        book[commit] = support::hash_bits(vae.buffers());
        CHECK(book[commit] == before);
        Vae::Statistics statistics;
        std::as_const(vae).observe(ws, BatchPart::whole(20), statistics);
        CHECK(support::hash_bits(vae.buffers()) == before);
        vae.update(ws, statistics);
        CHECK(support::hash_bits(vae.buffers()) != before);
    }
    CHECK(decoder[0] == decoder[1]);
    CHECK(encoder[0] != encoder[1]);
}

TEST_CASE("VqVae: the optimiser sees encoder and decoder; a file holds the codebook as well") {
    std::vector<std::string> expected{"encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias",
                                      "decoder.0.weight", "decoder.0.bias", "decoder.2.weight", "decoder.2.bias"};
    CHECK(support::names_of(Vae::Params{}) == expected);
    Rng rng{1};
    const Vae vae{rng};
    std::vector<std::string> names;
    Vae::each_state([&](const ParamPath& path, const auto&) { names.push_back(path.str()); }, vae);
    for (const char* leaf : {"weight", "count", "sum", "grace"}) expected.push_back(std::string{"codebook."} + leaf);
    expected.emplace_back("quantizer.started");
    CHECK(names == expected);
}

TEST_CASE("VqVae: the same generator gives the same weights, and is advanced") {
    Rng first{5}, second{5};
    const Vae a{first}, b{second}, c{second};
    CHECK(support::hash_state(a) == support::hash_state(b));
    CHECK(support::hash_state(a) != support::hash_state(c));
}

TEST_CASE("VqVae: prepare initialises the vectors from the first batch, once, and not where k-means is off") {
    const auto x = batch_of<float>(bars(20, 1));
    Rng rng{3};
    Vae vae{rng}, off{rng, {.kmeans = false}};
    Vae::Workspace ws;
    const auto before = support::hash_bits(vae.buffers()), before_off = support::hash_bits(off.buffers());
    vae.prepare(Vae::Batch{}, ws);
    CHECK(support::hash_bits(vae.buffers()) == before);
    vae.prepare(x, ws);
    const auto prepared = support::hash_bits(vae.buffers());
    CHECK(prepared != before);
    Vae::Params grad;
    vae.loss_and_grad(x, ws, grad);
    Vae::Statistics statistics;
    vae.observe(ws, BatchPart::whole(20), statistics);
    vae.update(ws, statistics);
    const auto updated = support::hash_bits(vae.buffers());
    vae.prepare(x, ws);
    CHECK(support::hash_bits(vae.buffers()) == updated);
    off.prepare(x, ws);
    CHECK(support::hash_bits(off.buffers()) == before_off);
}

TEST_CASE("VqVae: the report counts the tokens of the batch, and its parts add up to its loss") {
    const auto x = batch_of<float>(bars(37, 1));
    Steps steps{Rng{1}};
    steps.step(x);
    const Vae::Report report = steps.step(x);
    std::vector<std::size_t> counts(Vae::codes);
    for (const Token k : steps.ws.chosen.span()) ++counts.at(k);
    std::size_t used = 0;
    CHECK(report.perplexity == perplexity(counts, &used));
    CHECK(report.used == used);
    CHECK(report.loss == doctest::Approx(report.reconstruction + 0.25 * report.quantization_mse).epsilon(1e-12));
    CHECK(report.quantizer == report.terms.commitment);
    CHECK(report.loss == report.reconstruction + report.quantizer);
}

TEST_CASE("VqVae: training steps give the same bits with one, two, three and sixteen threads") {
    CHECK(support::same_for_threads([] {
        Steps steps{Rng{1}};
        for (std::uint64_t step = 0; step < 3; ++step) steps.step(batch_of<float>(bars(70, step)));
        return support::hash_state(steps.vae);
    }));
}

TEST_CASE("VqVae: a training step allocates nothing after the first") {
    const auto x = batch_of<float>(bars(70, 1));
    support::with_threads(2, [&] {
        Steps steps{Rng{1}};
        for (int step = 0; step < 3; ++step) steps.step(x);  // both slots have been used by now
        std::size_t fewest = 1000;
        for (int step = 0; step < 5; ++step) {
            const std::size_t before = support::allocations();
            steps.step(step % 2 ? View<const float, support::TinyImage>{x}.slice(0, 33) : Vae::Batch{x});
            fewest = std::min(fewest, support::allocations() - before);
        }
        CHECK(fewest == 0);
        return 0;
    });
    Steps steps{Rng{1}};
    support::with_threads(1, [&] {
        steps.step(x);
        const std::size_t before = support::allocations();
        for (int step = 0; step < 5; ++step) steps.step(x);
        CHECK(support::allocations() == before);
        return 0;
    });
}

TEST_CASE("VqVae: an empty batch, and NaN in a pixel, are refused") {
    Rng rng{1};
    Vae vae{rng}, fresh{rng};
    Vae::Workspace ws;
    Vae::Params grad;
    CHECK(support::message<ArgumentError>([&] { vae.loss_and_grad({}, ws, grad); }) ==
          "VqVae: batch: expected at least one image, got 0");
    auto x = batch_of<float>(bars(20, 1));
    vae.prepare(x, ws);
    const auto before = support::hash_state(vae);
    x[17][5] = std::numeric_limits<float>::quiet_NaN();
    const std::string expected = "VqVae: image 17 of the batch: value 5: expected a finite number, got nan";
    const auto not_started = support::hash_state(fresh);
    CHECK(support::message<NumericError>([&] { fresh.prepare(x, ws); }) == expected);
    CHECK(support::hash_state(fresh) == not_started);
    CHECK(support::message<NumericError>([&] { vae.loss_and_grad(x, ws, grad); }) == expected);
    CHECK(support::message<NumericError>([&] { static_cast<void>(vae.reconstruct(x)); }) ==
          "VqVae: image 17: value 5: expected a finite number, got nan");
    CHECK(support::hash_state(vae) == before);
}

TEST_CASE("VqVae: an infinite pixel that the encoder hides is an error that names the image") {
    using Hides =
        VqVae<nn::Chain<support::TinyImage, nn::Sigmoid>, Codebook<8>, nn::Chain<support::TinyImage, nn::Sigmoid>>;
    Rng rng{1};
    Hides vae{rng};
    Hides::Workspace ws;
    Hides::Params grad;
    auto x = batch_of<float>(bars(40, 1));
    x[37][5] = std::numeric_limits<float>::infinity();
    vae.prepare(x, ws);  // sigmoid(infinity) = 1
    CHECK(support::message<NumericError>([&] { vae.loss_and_grad(x, ws, grad); }) ==
          "VqVae: image 37 of the batch: value 5: expected a finite number, got inf");
}

TEST_CASE("VqVae: encode, decode and reconstruct agree, for views and for a dataset whose labels are kept") {
    const auto images = bars(530, 1);  // more than one piece of a dataset
    const auto x = batch_of<float>(images);
    Steps steps{Rng{1}};
    steps.step(x);
    const Vae& vae = steps.vae;
    const data::Tokens<4> codes = vae.encode(images);
    REQUIRE(codes.size() == 530);
    Tensor<Token, Shape<4>> of_view{530};
    vae.encode(x, of_view);
    CHECK(support::equal_values(of_view.span(), codes.view().span()));
    CHECK(codes.classes() == 2);
    CHECK(support::equal_values(codes.labels(), images.labels()));
    const auto y = vae.decode(codes), again = vae.reconstruct(x);
    CHECK(support::equal_values(y.span(), again.span()));

    const data::Images<support::TinyImage> unlabelled{{images.bytes().begin(), images.bytes().end()}};
    CHECK(!vae.encode(unlabelled).labelled());
}

TEST_CASE("VqVae: the keys of a loss have the prefix loss., so that they may be those of the quantizer") {
    using Model = KeyedVae<Keys::different>;
    Rng rng{1};
    Model model{rng};
    const auto settings = model.settings();
    CHECK(std::ranges::find(settings, Setting{"loss", "KeyedMse"}) != settings.end());
    CHECK(std::ranges::find(settings, Setting{"loss.commitment", "1", {"loss.variance"}}) != settings.end());
    CHECK(std::ranges::find(settings, Setting{"loss.loss", "2"}) != settings.end());
    CHECK(std::ranges::count(settings, "commitment", &Setting::key) == 1);
    const NamedValues metadata = Model::metadata(),
                      expected{{"codes", "8"},  {"tokens", "4"},      {"quantizer", "Codebook"},
                               {"levels", "8"}, {"loss.levels", "3"}, {"loss.codes", "4"}};
    CHECK(metadata == expected);
    CHECK_NOTHROW(static_cast<void>(io::collect(model)));
}

TEST_CASE("VqVae: a key that is there twice is an error of the constructor, not of the first checkpoint") {
    const auto refused = [](const std::string& key) {
        return "VqVae: settings and metadata: key \"" + key +
               "\": expected once, got it twice: VqVae writes codes, tokens, quantizer, loss and loss.*, the quantizer "
               "the others";
    };
    Rng rng{1};
    CHECK(support::message<ArgumentError>([&] { KeyedVae<Keys::of_vq_vae>{rng}; }) == refused("tokens"));
    CHECK(support::message<ArgumentError>([&] { KeyedVae<Keys::of_its_metadata>{rng}; }) == refused("commitment"));
}

TEST_CASE("VqVae: a quantizer is called in the library's floating-point environment, whatever that of the host") {
    using Model = VqVae<support::TinyEncoder<float>, Recording, support::TinyDecoder<float>>;
    const auto images = bars(20, 1);
    const auto x = batch_of<float>(images);
    std::fesetround(FE_UPWARD);
    REQUIRE(rounds_up());
    {
        Rng rng{1};
        Model model{rng};
        Model::Workspace ws;
        Model::Params grad;
        Model::Statistics statistics;
        model.prepare(x, ws);
        static_cast<void>(model.loss_and_grad(x, ws, grad));
        model.observe(ws, BatchPart::whole(x.batch()), statistics);
        model.update(ws, statistics);
        Tensor<Token, Shape<Model::tokens>> tokens{x.batch()};
        for (const std::size_t batch : {std::size_t{1}, x.batch()}) {  // threads share one image, or have their own
            model.encode(x.view().slice(0, batch), tokens.view().slice(0, batch));
            static_cast<void>(model.decode(std::as_const(tokens).view().slice(0, batch)));
        }
        static_cast<void>(model.evaluate(images));
    }
    std::fesetround(FE_TONEAREST);
    CHECK(all_calls > 10);
    CHECK(upward_calls == 0);
}
