#include <tessera/vq/detail/binary_quantizer.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/bsq.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/lfq.hpp>
#include <tessera/vq/projected.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace tessera;

namespace binary_quantizer_test {

namespace {

struct OfLfq {
    template <std::size_t Bits>
    using Spec = Lfq<Bits>;
    static constexpr const char* name = "Lfq";
};
struct OfBsq {
    template <std::size_t Bits>
    using Spec = Bsq<Bits>;
    static constexpr const char* name = "Bsq";
};
template <class Of, std::size_t Bits, class In = Shape<Bits>, class T = float>
using Bound = typename Of::template Spec<Bits>::template Bind<In, T>;
template <class Spec>
using VaeOf = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;

}  // namespace

TEST_CASE_TEMPLATE("Lfq, Bsq: every token has distinct values, and is found again from them", Of, OfLfq, OfBsq) {
    using Q = Bound<Of, 6>;
    static_assert(Q::codes == 64);
    typename Q::Packed w;
    typename Q::Cache cache;
    Tensor<Token, Shape<1>> tokens{64}, again{64};
    for (std::size_t k = 0; k < 64; ++k) tokens.data()[k] = static_cast<Token>(k);
    Tensor<float, Shape<6>> q{64}, q_again{64};
    Q::lookup(w, std::as_const(tokens), q.view(), cache);
    support::Mismatch wrong;
    for (std::size_t k = 0; k < 64; ++k)
        for (std::size_t i = 0; i < 6; ++i)
            wrong.compare(((k >> i & 1) != 0 ? 1.f : -1.f) * Q::value(), q[k][i], "token ", k);
    Q::forward(w, {}, std::as_const(q), again.view(), q_again.view(), cache);
    wrong.compare(tokens.span(), again.span(), "tokens");
    wrong.compare(q.span(), q_again.span(), "q");
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("Lfq, Bsq: a channel of 0 is negative, not the 0 of sign(0), which has no token", Of, OfLfq, OfBsq) {
    using Q = Bound<Of, 3>;
    typename Q::Packed w;
    typename Q::Cache cache;
    Tensor<float, Shape<3>> z{1}, q{1}, again{1};
    Tensor<Token, Shape<1>> token{1};
    z.data()[1] = -0.f;
    z.data()[2] = 1e-30f;
    Q::forward(w, {}, std::as_const(z), token.view(), q.view(), cache);
    CHECK(token.data()[0] == 4);
    CHECK(std::vector<float>(q.span().begin(), q.span().end()) ==
          std::vector<float>{-Q::value(), -Q::value(), Q::value()});
    Q::lookup(w, std::as_const(token), again.view(), cache);
    CHECK(support::equal_values(q.span(), again.span()));
}

TEST_CASE_TEMPLATE("Lfq, Bsq: a vocabulary of 2^31 needs no table, and there is no state", Of, OfLfq, OfBsq) {
    using Q = Bound<Of, 31>;
    static_assert(Q::codes == std::size_t{1} << 31);
    CHECK(parameter_count(typename Q::Buffers{}) == 0);
    CHECK(sizeof(typename Q::Packed) < 1024);
    typename Q::Packed w;
    typename Q::Cache cache;
    Tensor<float, Shape<31>> z{1}, q{1};
    Tensor<Token, Shape<1>> token{1};
    std::ranges::fill(z.span(), 1.f);
    Q::forward(w, {}, std::as_const(z), token.view(), q.view(), cache);
    CHECK(token.data()[0] == 0x7FFFFFFF);
}

TEST_CASE_TEMPLATE("Lfq, Bsq: bits that are all set or all clear give finite terms and gradients", Of, OfLfq, OfBsq) {
    using Q = Bound<Of, 2>;
    Empty none;
    typename Q::Packed w;
    typename Q::Cache cache;
    typename Q::Options options{};
    options.commitment = 0;
    for (const float size : {1e-30f, 1.f, 1e30f, (std::numeric_limits<float>::max)()}) {
        CAPTURE(size);
        Tensor<float, Shape<2>> z{3}, q{3}, dz{3};
        Tensor<Token, Shape<1>> tokens{3};
        for (std::size_t i = 0; i < 6; ++i) z.data()[i] = i % 2 == 0 ? size : -size;
        Q::pack(none, none, options, w);
        Q::pack_batch(std::as_const(z), w, cache);
        Q::forward(w, {.training = true}, std::as_const(z), tokens.view(), q.view(), cache);
        const auto terms =
            Q::regularize(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, none, 3);
        CHECK(std::isfinite(vq::sum_terms(terms)));
        for (const float v : dz.span()) CHECK(std::isfinite(v));
    }
}

TEST_CASE_TEMPLATE("Lfq, Bsq: a number that is not finite is a NumericError that names it", Of, OfLfq, OfBsq) {
    using Q = Bound<Of, 2, Shape<5, 2>>;
    const auto refused = [](float v) {
        typename Q::Packed w;
        typename Q::Cache cache;
        Tensor<float, Shape<5, 2>> z{2}, q{2};
        Tensor<Token, Shape<5>> tokens{2};
        z.data()[13] = v;
        return support::message<NumericError>(
            [&] { Q::forward(w, {.first = 5}, std::as_const(z), tokens.view(), q.view(), cache); });
    };
    const float infinity = std::numeric_limits<float>::infinity();
    const std::string where = Of::name + std::string{": encoder output 63: expected a finite number, got "};
    CHECK(refused(1e38f) == "");
    CHECK(refused(std::numeric_limits<float>::quiet_NaN()) == where + "nan");
    CHECK(refused(-infinity) == where + "-inf");
}

TEST_CASE_TEMPLATE("Lfq, Bsq: options out of range are refused by name", Of, OfLfq, OfBsq) {
    using Q = Bound<Of, 4>;
    using Options = typename Q::Options;
    const auto refused = [](const Options& options) {
        return support::message<ArgumentError>([&] { check_options<Q>(options); });
    };
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    const std::string name = Of::name;
    CHECK(refused({}) == "");
    CHECK(refused({.commitment = 0, .entropy = {.weight = 0, .diversity_gamma = 0}}) == "");
    CHECK(refused({.commitment = nan}) == name + ": commitment: expected a finite number >= 0, got nan");
    CHECK(refused({.entropy = {.weight = -1}}) == name + ": entropy.weight: expected a finite number >= 0, got -1");
    CHECK(refused({.entropy = {.diversity_gamma = infinity}}) ==
          name + ": entropy.diversity_gamma: expected a finite number >= 0, got inf");
    CHECK(refused({.entropy = {.inv_temperature = 0}}) ==
          name + ": entropy.inv_temperature: expected a finite number > 0, got 0");
}

TEST_CASE_TEMPLATE("Lfq, Bsq: a VqVae trains with it, and reports the terms by name", Of, OfLfq, OfBsq) {
    using Vae = VaeOf<typename Of::template Spec<4>>;
    Rng rng{1};
    Vae vae{rng};
    Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
    const auto x = support::batch_of<float>(support::bars(48, 1));
    const auto first = trainer.step(x);
    auto last = first;
    for (int i = 1; i < 100; ++i) last = trainer.step(x);
    CHECK(last.reconstruction < 0.7 * first.reconstruction);
    CHECK(last.used > 4);
    CHECK(last.terms.entropy > 0);
    CHECK(last.terms.diversity < 0);
    CHECK(last.quantizer == doctest::Approx(vq::sum_terms(last.terms)));
    const auto images = support::bars(20, 3);
    const auto y = vae.decode(vae.encode(images)), again = vae.reconstruct(support::batch_of<float>(images));
    CHECK(support::equal_values(y.span(), again.span()));
}

TEST_CASE_TEMPLATE("Lfq, Bsq: training has the same bits for any number of threads", Of, OfLfq, OfBsq) {
    CHECK(support::same_for_threads([] {
        Rng rng{1};
        VaeOf<typename Of::template Spec<4>> vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        const auto x = support::batch_of<float>(support::bars(70, 1));
        for (int i = 0; i < 4; ++i) trainer.step(x);
        return support::hash_state(vae);
    }));
}

TEST_CASE_TEMPLATE("Lfq, Bsq: the diversity of a batch is that of its own bits, also of the part of another process",
                   Of, OfLfq, OfBsq) {
    using Vae = VaeOf<typename Of::template Spec<4>>;
    Rng rng{1};
    const Vae vae{rng};
    const auto x = support::batch_of<float>(support::bars(20, 1));
    typename Vae::Workspace ws;
    typename Vae::Params grad;
    const auto report = vae.loss_and_grad(x, ws, grad);
    // -w gamma sum_b H(P_b) with P of all rows
    typename Vae::Quantizer::Packed w;
    typename Vae::Quantizer::Cache cache;
    Vae::Quantizer::pack({}, {}, vae.options(), w);
    Vae::Quantizer::pack_batch(std::as_const(ws.z), w, cache);
    double expected = 0;
    for (std::size_t b = 0; b < 4; ++b)
        expected += w.entropy.weight * w.entropy.gamma *
                    (std::exp(w.entropy.log_set[b]) * w.entropy.log_set[b] +
                     std::exp(w.entropy.log_clear[b]) * w.entropy.log_clear[b]);
    CHECK(report.terms.diversity == doctest::Approx(expected).epsilon(1e-5));
    CHECK(report.terms.diversity > -w.entropy.weight * w.entropy.gamma * 4 * std::log(2.0));

    // a part of a batch
    const BatchPart part{.first = 0, .samples = 20, .divisor = 20};
    CHECK(support::message<StateError>([&] { vae.loss_and_grad(x.view().slice(0, 16), part, ws, grad); }) ==
          "VqVae: loss_and_grad: expected prepare for these 20 samples before, got it for 0");
}

TEST_CASE_TEMPLATE("Lfq, Bsq: loss_and_grad takes the prepared batch for its own only where it is the same", Of, OfLfq,
                   OfBsq) {
    using Vae = VaeOf<typename Of::template Spec<4>>;
    Rng rng{1};
    Vae vae{rng};
    const auto x = support::batch_of<float>(support::bars(20, 1)),
               other = support::batch_of<float>(support::bars(20, 2));
    typename Vae::Workspace ws, fresh;
    typename Vae::Params grad;
    vae.prepare(other, ws);
    CHECK(vae.loss_and_grad(x, ws, grad).terms.diversity == vae.loss_and_grad(x, fresh, grad).terms.diversity);
    // the first half of a batch of which another process has the second
    const BatchPart part{.first = 0, .samples = 20, .divisor = 20};
    const auto gather_other = [&](auto z, auto& all) {
        all.assign(z.begin(), z.end());
        all.insert(all.end(), z.begin(), z.end());
        return std::span<const float>{all};
    };
    const auto first = x.view().slice(0, 10), second = x.view().slice(10, 10);
    vae.prepare(first, part, ws, gather_other);
    CHECK(support::message<StateError>([&] { vae.loss_and_grad(second, part, ws, grad); }) ==
          "VqVae: loss_and_grad: expected prepare for these 20 samples before, got it for 20 others");
    vae.prepare(first, part, ws, gather_other);
    vae.loss_and_grad(first, part, ws, grad);
}

TEST_CASE_TEMPLATE("Lfq, Bsq: composed quantizers pass the whole batch to their parts", Of, OfLfq, OfBsq) {
    using Spec = typename Of::template Spec<4>;
    using Mixed = VaeOf<ResidualVqOf<Spec, Codebook<5>>>;
    static_assert(Mixed::codes_of(0) == 16 && Mixed::codes_of(1) == 5 && Mixed::codes_of(2) == 16);
    static_assert(vq::PacksBatch<typename Mixed::Quantizer>);
    static_assert(!vq::PacksBatch<typename VaeOf<ResidualVq<Codebook<5>, 2>>::Quantizer>);
    CHECK(support::keeps_quantizer_contract<Projected<4, Spec>, Shape<3, 6>>());
    CHECK(support::keeps_quantizer_contract<GroupedVq<Spec, 2>, Shape<3, 8>>());
    CHECK(support::keeps_quantizer_contract<GroupedVq<Spec, 2, Codebooks::shared>, Shape<3, 8>>());
    CHECK(support::keeps_quantizer_contract<ResidualVq<Spec, 2>, Shape<3, 4>>());
    CHECK(support::keeps_quantizer_contract<ResidualVq<Spec, 2, Codebooks::shared>, Shape<3, 4>>());

    Rng rng{2};
    Tensor<float, Shape<3, 8>> z{10};
    for (float& v : z.span()) v = rng.normal();
    using Grouped = typename GroupedVq<Spec, 2>::template Bind<Shape<3, 8>, float>;
    typename Grouped::Packed w;
    typename Grouped::Cache cache;
    Grouped::pack({}, {}, {}, w);
    Grouped::pack_batch(std::as_const(z), w, cache);
    // the second group is the channels 4 .. 7
    using Part = Bound<Of, 4, Shape<3, 4>>;
    Tensor<float, Shape<3, 4>> piece{10};
    for (std::size_t r = 0; r < 30; ++r) std::copy_n(z.data() + r * 8 + 4, 4, piece.data() + r * 4);
    typename Part::Packed alone;
    typename Part::Cache own;
    Part::pack({}, {}, {}, alone);
    Part::pack_batch(std::as_const(piece), alone, own);
    CHECK(w[1].entropy.log_set == alone.entropy.log_set);
    CHECK(w[0].entropy.log_set != alone.entropy.log_set);

    // the second level sees what the first one leaves
    using Residual = typename ResidualVq<Spec, 2>::template Bind<Shape<3, 4>, float>;
    typename Residual::Packed levels;
    typename Residual::Cache chain;
    Residual::pack({}, {}, {}, levels);
    Residual::pack_batch(std::as_const(piece), levels, chain);
    CHECK(levels.level[0].entropy.log_set == alone.entropy.log_set);
    Tensor<float, Shape<3, 4>> q{10};
    Tensor<Token, Shape<3>> tokens{10};
    Part::forward(alone, {}, std::as_const(piece), tokens.view(), q.view(), own);
    for (std::size_t i = 0; i < piece.span().size(); ++i) piece.data()[i] -= q.data()[i];
    Part::pack_batch(std::as_const(piece), alone, own);
    CHECK(levels.level[1].entropy.log_set == alone.entropy.log_set);
}

TEST_CASE_TEMPLATE("Lfq, Bsq: resuming compares the options", Of, OfLfq, OfBsq) {
    using Vae = VaeOf<typename Of::template Spec<4>>;
    Rng rng{1};
    Vae vae{rng}, same{rng};
    typename Vae::Options changed{};
    changed.entropy.weight = 0.75f;
    Vae other{rng, changed};
    CHECK(Vae::metadata() == NamedValues{{"codes", "16"}, {"tokens", "4"}, {"quantizer", Of::name}});
    io::SafetensorsFile file{io::collect(vae).bytes(), "state"};
    io::load(file, same);
    CHECK(support::hash_state(same) == support::hash_state(vae));
    CHECK(support::contains(support::message<FormatError>([&] { io::load(file, other); }),
                            "entropy.weight: expected 0.75, file has"));
}

}  // namespace binary_quantizer_test
