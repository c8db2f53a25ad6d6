#include <tessera/vq/grouped_vq.hpp>

#include <doctest/doctest.h>
#include <golden/residual.hpp>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <support/quantizer_run.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <array>
#include <cstddef>
#include <utility>

using namespace tessera;
using support::bars;
using support::batch_of;

namespace grouped_vq_test {

namespace {

template <class Spec, class In, class T = float>
using Run = support::QuantizerRun<Spec, In, T>;
using Own = GroupedVq<Codebook<6>, 2>;
using Shared = GroupedVq<Codebook<6>, 2, Codebooks::shared>;

using OwnQ = vq::BindQuantizer<Own, Shape<3, 4>, float>;
static_assert(vq::QuantizerSpec<Own, Shape<3, 4>> && OwnQ::tokens == 6 && OwnQ::codes == 6);
static_assert(vq::tokens_per_position<OwnQ> == 2);
using Levels = vq::BindQuantizer<GroupedVq<ResidualVqOf<Codebook<6>, Codebook<4>>, 3>, Shape<2, 6>, float>;
static_assert(Levels::tokens == 12 && Levels::codes_of(6) == 6 && Levels::codes_of(11) == 4);

}  // namespace

TEST_CASE("GroupedVq: keeps the contract of quantizers, and its gradient is that of the groups") {
    using testing::Smooth;
    CHECK(support::keeps_quantizer_contract<GroupedVq<Smooth, 3>, Shape<2, 6>>({.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<GroupedVq<Smooth, 2, Codebooks::shared>, Shape<3, 4>>(
        {.differentiable = true}));
    CHECK(
        support::keeps_quantizer_contract<GroupedVq<ResidualVq<Smooth, 2>, 2>, Shape<3, 4>>({.differentiable = true}));
    CHECK(
        support::keeps_quantizer_contract<ResidualVq<GroupedVq<Smooth, 2>, 2>, Shape<3, 4>>({.differentiable = true}));
}

TEST_CASE("GroupedVq: keeps the contract around a Codebook and Fsq, shared and nested") {
    CHECK(support::keeps_quantizer_contract<Own, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Shared, Shape<3, 4>>());
    CHECK(support::keeps_quantizer_contract<GroupedVq<Codebook<5>, 4>, Shape<3, 4>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<GroupedVq<Codebook<5>, 1>, Shape<3, 4>>());
    CHECK(support::keeps_quantizer_contract<GroupedVq<Fsq<5, 4>, 3>, Shape<2, 6>>());
    CHECK(support::keeps_quantizer_contract<GroupedVq<ResidualVqOf<Codebook<6>, Codebook<4>>, 2>, Shape<2, 6>>());
    CHECK(support::keeps_quantizer_contract<ResidualVq<Shared, 2>, Shape<2, 6>>());
}

TEST_CASE_TEMPLATE("GroupedVq: tokens, terms and gradients are those of the formulas in PyTorch", T, float, double) {
    Run<Own, Shape<4>, T> own{12};
    support::fill_vectors(own.buffers.level[0].book, 0);
    support::fill_vectors(own.buffers.level[1].book, 1);
    own.compare_step(golden::grouped_tokens, golden::grouped_q, golden::grouped_terms, golden::grouped_grad);
    Run<Shared, Shape<4>, T> shared{12};
    support::fill_vectors(shared.buffers.level[0].book, 0);
    shared.compare_step(golden::grouped_shared_tokens, golden::grouped_shared_q,
                        std::array{golden::grouped_shared_terms[0] + golden::grouped_shared_terms[1]},
                        golden::grouped_shared_grad);
}

TEST_CASE("GroupedVq: a group sees its channels only, and its token is next to those of the other groups") {
    Run<GroupedVq<Codebook<6>, 3>, Shape<2, 6>> run{4};
    run.forward();
    const auto before = run.tokens;
    for (std::size_t p = 0; p < 8; ++p) run.z.data()[6 * p + 2] += 50;
    run.forward();
    support::Mismatch wrong;
    std::size_t moved = 0;
    for (std::size_t i = 0; i < run.tokens.span().size(); ++i) {
        if (i % 3 != 1) wrong.compare(before.data()[i], run.tokens.data()[i], "token ", i);
        moved += before.data()[i] != run.tokens.data()[i];
    }
    CHECK(wrong.first() == "");
    CHECK(moved > 0);
}

TEST_CASE("GroupedVq: a group without a token gives 0 in its channels and leaves the others") {
    Run<Own, Shape<2, 4>> run{3};
    run.forward();
    const auto q = run.q;
    run.tokens.data()[3] = no_token;  // group 1 of position 1
    run.lookup();
    support::Mismatch wrong;
    for (std::size_t i = 0; i < q.span().size(); ++i)
        wrong.compare(i == 6 || i == 7 ? 0.f : q.data()[i], run.q.data()[i], "q ", i);
    CHECK(wrong.first() == "");
}

TEST_CASE("GroupedVq: a shared codebook counts the tokens of all groups") {
    Run<Shared, Shape<3, 4>> run{20};
    run.forward({.training = true});
    Run<Shared, Shape<3, 4>>::Q::Statistics statistics;
    decltype(run)::Q::observe(run.w, std::as_const(run.z), std::as_const(run.tokens), BatchPart::whole(20), Rng{2},
                              run.cache, statistics);
    std::array<float, 6> counts{};
    for (const Token t : run.tokens.span()) counts[t] += 1;
    for (std::size_t k = 0; k < 6; ++k) CHECK(statistics.level[0].n[k] == counts[k]);
}

TEST_CASE_TEMPLATE("GroupedVq: a VqVae trains to better images, with the same bits for any number of threads", Spec,
                   Own, Shared, GroupedVq<ResidualVq<Codebook<6>, 2>, 2>, GroupedVq<Fsq<5, 4>, 2>) {
    using Vae = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;
    double first = 0, last = 0;
    CHECK(support::same_for_threads([&] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
        const auto x = batch_of<float>(bars(70, 1));
        first = trainer.step(x).loss;
        for (int i = 0; i < 30; ++i) last = trainer.step(x).loss;
        const auto tokens = vae.encode(bars(30, 9));
        return std::pair{support::hash_state(vae), support::hash_bits(tokens.view().span())};
    }));
    CHECK(last < first);
}

}  // namespace grouped_vq_test
