#include <tessera/vq/projected.hpp>

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
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <cmath>
#include <cstddef>
#include <iterator>
#include <string>
#include <vector>

using namespace tessera;
using support::bars;
using support::batch_of;

namespace projected_test {

namespace {

template <class Spec, class In, class T = float>
using Run = support::QuantizerRun<Spec, In, T>;

using Small = vq::BindQuantizer<Projected<2, Codebook<6>>, Shape<3, 4>, float>;
static_assert(vq::QuantizerSpec<Projected<2, Codebook<6>>, Shape<3, 4>> && Small::tokens == 3 && Small::codes == 6);

}  // namespace

TEST_CASE("Projected: keeps the contract of quantizers, and its gradient passes both maps and their parameters") {
    using testing::Smooth;
    CHECK(support::keeps_quantizer_contract<Projected<3, Smooth>, Shape<2, 4>>({.differentiable = true}));
    CHECK(
        support::keeps_quantizer_contract<ResidualVq<Projected<3, Smooth>, 2>, Shape<2, 4>>({.differentiable = true}));
    CHECK(
        support::keeps_quantizer_contract<Projected<3, ResidualVq<Smooth, 2>>, Shape<2, 4>>({.differentiable = true}));
    CHECK(support::keeps_quantizer_contract<GroupedVq<Projected<3, Smooth>, 2>, Shape<2, 4>>({.differentiable = true}));
}

TEST_CASE("Projected: keeps the contract around a Codebook and Fsq, and inside others") {
    CHECK(support::keeps_quantizer_contract<Projected<2, Codebook<6>>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Projected<9, Codebook<6>>, Shape<3, 4>>({.batch = 3, .seed = 2}));
    CHECK(support::keeps_quantizer_contract<Projected<3, Fsq<5, 4, 3>>, Shape<3, 5>>());
    CHECK(support::keeps_quantizer_contract<Projected<4, ResidualVq<Codebook<6>, 2>>, Shape<2, 3>>());
    // a level takes what the one before it left as a constant
    CHECK(support::keeps_quantizer_contract<ResidualVq<Projected<2, Codebook<6>>, 3>, Shape<2, 4>>(
        {.terms_move_params = false}));
}

TEST_CASE("Projected: parameters have PyTorch's names, and files need those of lookup only") {
    std::vector<std::string> names;
    const Small::Params p{};
    Small::Params::each([&](const ParamPath& path, const auto&) { names.push_back(path.str()); }, p);
    CHECK(names ==
          std::vector<std::string>{"project_in.weight", "project_in.bias", "project_out.weight", "project_out.bias"});
    CHECK(!Small::optional_in_file("project_in.weight"));
    CHECK(!Small::optional_in_file("codebook.weight"));
    CHECK(Small::optional_in_file("codebook.sum"));
    using F = vq::BindQuantizer<Projected<3, Fsq<5, 4, 3>>, Shape<3, 5>, float>;
    CHECK(F::metadata() == NamedValues{{"projected.quantizer", "Fsq"},
                                       {"projected.fsq.levels", "5,4,3"},
                                       {"projected.fsq.bound", "tanh"}});
}

TEST_CASE_TEMPLATE("Projected: in levels, tokens, terms and the gradients of all maps are those of PyTorch", T, float,
                   double) {
    Run<ResidualVq<Projected<3, Codebook<5>>, 2>, Shape<4>, T> run{12};
    for (int l = 0; l < 2; ++l) {
        auto& p = run.params.level[static_cast<std::size_t>(l)];
        const auto fill = [](auto& leaf, int factor, int offset, int modulus, double scale) {
            for (std::size_t i = 0; i < leaf.span().size(); ++i)
                leaf[i] = static_cast<T>(((static_cast<int>(i) * factor + offset) % modulus - modulus / 2) * scale);
        };
        fill(p.project_in.weight, 11, 3 * (4 * l), 17, 1 / 16.0);
        fill(p.project_in.bias, 7, l, 5, 1 / 32.0);
        fill(p.project_out.weight, 11, 3 * (4 * l + 2), 17, 1 / 16.0);
        fill(p.project_out.bias, 7, 3 + l, 5, 1 / 32.0);
        support::fill_vectors(run.buffers.level[static_cast<std::size_t>(l)].book, l);
    }
    run.compare_step(golden::residual_projected_tokens, golden::residual_projected_q, golden::residual_projected_terms,
                     golden::residual_projected_grad);
    support::Mismatch wrong;
    std::size_t at = 0;
    decltype(run)::Q::Params::each(
        [&](const ParamPath& path, const auto& leaf) {
            for (const T got : leaf.span()) {
                const double expected = golden::residual_projected_leaves[at++];
                wrong.require(std::abs(static_cast<double>(got) - expected) <= (sizeof(T) == 4 ? 1e-5 : 1e-12),
                              path.str(), ": expected ", expected, ", got ", got);
            }
        },
        run.grad);
    CHECK(wrong.first() == "");
    CHECK(at == std::size(golden::residual_projected_leaves));
}

// The bias of the second map is no token: q of an absent position would be b_out, and its gradient would move b_out.
TEST_CASE("Projected: a position without a token has q = 0, not the bias of the second map, and moves no parameter") {
    Run<Projected<2, Codebook<6>>, Shape<3, 4>> run{2};
    run.params.project_out.bias.fill(5);
    run.pack();
    run.forward();
    const auto q = run.q;
    run.tokens.data()[1] = no_token;
    run.lookup();
    support::Mismatch wrong;
    for (std::size_t i = 0; i < q.span().size(); ++i)
        wrong.compare(i / 4 == 1 ? 0.f : q.data()[i], run.q.data()[i], "q ", i);
    CHECK(wrong.first() == "");
    run.backward();
    for (std::size_t i = 0; i < 4; ++i) {
        float sum = 0;
        for (std::size_t p = 0; p < 6; ++p) sum += p == 1 ? 0 : run.dq.data()[4 * p + i];
        CHECK(run.grad.project_out.bias[i] == doctest::Approx(sum));
    }
}

TEST_CASE_TEMPLATE("Projected: a VqVae trains to better images, with the same bits for any number of threads", Spec,
                   Projected<2, Codebook<8>>, Projected<3, Fsq<5, 5, 5>>, ResidualVq<Projected<2, Codebook<8>>, 2>) {
    using Vae = VqVae<support::TinyEncoder<float>, Spec, support::TinyDecoder<float>>;
    double first = 0, last = 0;
    CHECK(support::same_for_threads([&] {
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae, {.lr = 1e-2}}, {.clip_norm = 1}};
        const auto x = batch_of<float>(bars(70, 1));
        first = trainer.step(x).loss;
        for (int i = 0; i < 30; ++i) last = trainer.step(x).loss;
        return support::hash_state(vae);
    }));
    CHECK(last < first);
}

}  // namespace projected_test
