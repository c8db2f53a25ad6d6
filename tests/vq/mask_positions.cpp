#include <tessera/vq/mask_positions.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>
#include <tessera/core/batch_part.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/grouped_vq.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/diversity.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;

namespace mask_positions_test {

namespace {

constexpr std::size_t batch = 3, rows = 4, width = 4;
using In = Shape<rows, width>;
constexpr std::array<bool, batch * rows> counts{true, false, true, true, false, true,
                                                true, false, true, true, true,  true};

/// All that a step computes, where the masked positions of z have been multiplied by `scale`.
template <class Spec>
struct Step {
    using Q = vq::BindQuantizer<Spec, In, float>;
    Tensor<float, In> z{batch}, q{batch}, dq{batch}, dz{batch};
    Tensor<Token, vq::TokenShape<Q>> tokens{batch};
    typename Q::Params params, grad;
    typename Q::Buffers buffers;
    typename Q::Options options{};
    vq::Terms<Q> terms;
    vq::Statistics<Q> statistics;

    explicit Step(float scale) {
        Rng rng{4};
        Q::init(params, buffers, rng);
        for (float& v : z.span()) v = rng.normal();
        for (float& v : dq.span()) v = rng.normal();
        for (std::size_t i = 0; i < z.span().size(); ++i)
            if (!counts[i / width]) z.data()[i] *= scale;
        typename Q::Packed w;
        typename Q::Cache cache, own;
        Q::pack(params, buffers, options, w);
        Q::forward(w, {.training = true, .rng = Rng{5}}, std::as_const(z), tokens.view(), q.view(), cache);
        vq::mask_positions<Q>(counts, tokens.view(), q.view());
        Q::backward(w, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(dq), dz.view(), cache,
                    grad);
        terms = vq::regularize<Q>(w, std::as_const(z), std::as_const(tokens), std::as_const(q), dz.view(), cache, grad,
                                  batch);
        vq::observe<Q>(w, std::as_const(z), std::as_const(tokens), BatchPart::whole(batch), Rng{6}, own, statistics);
    }
};

template <class Spec>
std::string changes() {
    const Step<Spec> one{1}, other{-3};
    support::Mismatch wrong;
    const auto leaves = [&](const ParamPath& path, const auto& a, const auto& b) {
        wrong.compare(a.span(), b.span(), path.str().c_str());
    };
    wrong.compare(one.q.span(), other.q.span(), "q");
    wrong.compare(one.dz.span(), other.dz.span(), "dz");
    Step<Spec>::Q::Params::each(leaves, one.grad, other.grad);
    vq::Statistics<typename Step<Spec>::Q>::each(leaves, one.statistics, other.statistics);
    wrong.compare(vq::sum_terms(one.terms), vq::sum_terms(other.terms), "terms");
    for (std::size_t i = 0; i < one.q.span().size(); ++i)
        if (!counts[i / width]) {
            wrong.compare(0.f, one.q.data()[i], "q at a masked position");
            wrong.compare(0.f, one.dz.data()[i], "dz at a masked position");
        }
    return wrong.first();
}

}  // namespace

TEST_CASE("mask_positions: what is at a masked position changes neither gradients nor terms nor statistics") {
    CHECK(changes<Codebook<6>>() == "");
    CHECK(changes<Codebook<6, vq::Gradient, vq::DiVeQ>>() == "");
    CHECK(changes<Codebook<6, vq::Diversity>>() == "");
    CHECK(changes<Fsq<5, 5, 5, 5>>() == "");
    CHECK(changes<ResidualVq<Codebook<6>, 2>>() == "");
    CHECK(changes<GroupedVq<Codebook<6>, 2>>() == "");
}

TEST_CASE("mask_positions: without a mask the masked position counts, and a mask of another size is refused") {
    const Step<Codebook<6>> step{1};
    Tensor<Token, Shape<rows>> tokens = step.tokens;
    Tensor<float, In> q = step.q;
    CHECK(tokens.data()[1] == no_token);
    CHECK(tokens.data()[0] != no_token);
    std::array<bool, batch * rows> all{};
    all.fill(true);
    const auto before = tokens;
    vq::mask_positions<Step<Codebook<6>>::Q>(all, tokens.view(), q.view());
    CHECK(support::equal_values(before.span(), tokens.span()));
    CHECK(support::message<ArgumentError>([&] {
              vq::mask_positions<Step<Codebook<6>>::Q>(std::span<const bool>{all}.first(3), tokens.view(), q.view());
          }) == "mask_positions: counts: expected 12, got 3");
}

}  // namespace mask_positions_test
