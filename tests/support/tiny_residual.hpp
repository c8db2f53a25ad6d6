#pragma once
// TinyResidual<Spec>: two levels of one kind of quantizer, the second for the residual of the first (Lee et al. 2022,
// arXiv:2203.01941). It has two tokens for each position and every hook of the contract.
//
//     r_0 = z,   q_l = Q_l(r_l),   r_1 = z - q_0,   q = q_0 + q_1
//     gradient of q: g_1 = J_1^T dq,   dz = g_1 + J_0^T (dq - g_1)
//     terms: those of both levels; each r_l moves with z, the q before it are constants

#include <tessera/core/batch_part.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <utility>

namespace support {

/// Two values of one parameter set, "0.<name>" and "1.<name>".
template <class P>
struct TwoLevels {
    std::array<P, 2> level{};

    template <class F, class... S>
    static void each(F&& f, S&... s) {
        P::each(tessera::with_prefix("0", f), s.level[0]...);
        P::each(tessera::with_prefix("1", f), s.level[1]...);
    }
};

template <tessera::StaticShape In, class Spec, std::floating_point T>
struct TinyResidualQuantizer {
    using Token = tessera::Token;
    using Q = tessera::vq::BindQuantizer<Spec, In, T>;
    static_assert(std::same_as<typename Q::Input, typename Q::Output> && Q::tokens == tessera::row_count<In>);
    static constexpr std::string_view name = "TinyResidual";
    static constexpr std::size_t positions = Q::tokens, tokens = 2 * Q::tokens, codes = Q::codes;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = TwoLevels<typename Q::Params>;
    using Buffers = TwoLevels<typename Q::Buffers>;
    using Options = typename Q::Options;
    using Terms = TwoLevels<tessera::vq::Terms<Q>>;
    using Statistics = TwoLevels<tessera::vq::Statistics<Q>>;
    using Packed = std::array<typename Q::Packed, 2>;
    using Rows = tessera::View<const T, In>;
    using Tokens = tessera::View<const Token, tessera::Shape<tokens>>;

    struct Level {
        typename Q::Cache inner;
        tessera::Tensor<T, In> r, q;
        tessera::Tensor<Token, tessera::Shape<positions>> tokens;
    };
    struct Cache {
        std::array<Level, 2> level;
        tessera::Tensor<T, In> dq, d;
    };

    static void init(Params& p, Buffers& b, tessera::Rng& rng) {
        for (std::size_t l = 0; l < 2; ++l) Q::init(p.level[l], b.level[l], rng);
    }
    static void pack(const Params& p, const Buffers& b, const Options& o, Packed& w) {
        for (std::size_t l = 0; l < 2; ++l) Q::pack(p.level[l], b.level[l], o, w[l]);
    }
    static void forward(const Packed& w, const tessera::nn::Pass& pass, Rows z,
                        tessera::View<Token, tessera::Shape<tokens>> out, tessera::View<T, In> q, Cache& c) {
        std::ranges::fill(q.span(), T(0));
        for (std::size_t l = 0; l < 2; ++l) {
            Level& v = rest(c, l, z);
            Q::forward(w[l], {pass.training, pass.rng.split(l), pass.first}, std::as_const(v.r), v.tokens.view(),
                       v.q.view(), v.inner);
            for (std::size_t i = 0; i < q.elements(); ++i) q.data()[i] += v.q.data()[i];
            for (std::size_t i = 0; i < z.batch() * positions; ++i) out.data()[2 * i + l] = v.tokens.data()[i];
        }
    }
    static void lookup(const Packed& w, Tokens in, tessera::View<T, In> q, Cache& c) {
        std::ranges::fill(q.span(), T(0));
        for (std::size_t l = 0; l < 2; ++l) {
            Level& v = take_tokens(c, l, in);
            v.q.resize(in.batch());
            Q::lookup(w[l], std::as_const(v.tokens), v.q.view(), v.inner);
            for (std::size_t i = 0; i < q.elements(); ++i) q.data()[i] += v.q.data()[i];
        }
    }
    static void backward(const Packed& w, Rows, Tokens in, Rows, Rows dq, tessera::View<T, In> dz, Cache& c,
                         Params& grad) {
        c.dq.resize(dz.batch());
        c.d.resize(dz.batch());
        std::ranges::fill(dz.span(), T(0));
        for (std::size_t l = 2; l-- > 0;) {
            Level& v = take_tokens(c, l, in);
            for (std::size_t i = 0; i < dz.elements(); ++i) c.dq.data()[i] = dq.data()[i] - dz.data()[i];
            Q::backward(w[l], std::as_const(v.r), std::as_const(v.tokens), std::as_const(v.q), std::as_const(c.dq),
                        c.d.view(), v.inner, grad.level[l]);
            for (std::size_t i = 0; i < dz.elements(); ++i) dz.data()[i] += c.d.data()[i];
        }
    }
    static Terms regularize(const Packed& w, Rows, Tokens in, Rows, tessera::View<T, In> dz, Cache& c, Params& grad,
                            double divisor) {
        Terms terms;
        for (std::size_t l = 0; l < 2; ++l) {
            Level& v = take_tokens(c, l, in);
            terms.level[l] = tessera::vq::regularize<Q>(w[l], std::as_const(v.r), std::as_const(v.tokens),
                                                        std::as_const(v.q), dz, v.inner, grad.level[l], divisor);
        }
        return terms;
    }
    static void observe(const Packed& w, Rows z, Tokens in, const tessera::BatchPart& part, tessera::Rng rng, Cache& c,
                        Statistics& s) {
        for (std::size_t l = 0; l < 2; ++l) {
            Level& v = rest(c, l, z);
            take_tokens(c, l, in);
            tessera::vq::observe<Q>(w[l], std::as_const(v.r), std::as_const(v.tokens), part, rng.split(l), v.inner,
                                    s.level[l]);
            if (l == 0) Q::lookup(w[l], std::as_const(v.tokens), v.q.view(), v.inner);
        }
    }
    static void update(Params& p, Buffers& b, const Statistics& s, const Options& o) {
        for (std::size_t l = 0; l < 2; ++l) tessera::vq::update<Q>(p.level[l], b.level[l], s.level[l], o);
    }
    static void start(Params& p, Buffers& b, Rows z, const Options& o, tessera::Rng rng) {
        Cache c;
        Packed w;
        for (std::size_t l = 0; l < 2; ++l) {
            Level& v = rest(c, l, z);
            tessera::vq::start<Q>(p.level[l], b.level[l], std::as_const(v.r), o, rng.split(l));
            Q::pack(p.level[l], b.level[l], o, w[l]);
            Q::forward(w[l], {}, std::as_const(v.r), v.tokens.view(), v.q.view(), v.inner);
        }
    }
    static void check_options(const Options& o) { tessera::check_options<Q>(o); }
    static std::vector<tessera::Setting> settings(const Options& o) { return tessera::settings_of<Q>(o); }
    static tessera::NamedValues metadata() { return tessera::metadata_of<Q>(); }

private:
    // r_l, from r and q of the level before.
    static Level& rest(Cache& c, std::size_t l, Rows z) {
        Level& v = c.level[l];
        v.r.resize(z.batch());
        v.q.resize(z.batch());
        v.tokens.resize(z.batch());
        for (std::size_t i = 0; i < z.elements(); ++i)
            v.r.data()[i] = l == 0 ? z.data()[i] : c.level[0].r.data()[i] - c.level[0].q.data()[i];
        return v;
    }
    static Level& take_tokens(Cache& c, std::size_t l, Tokens in) {
        Level& v = c.level[l];
        v.tokens.resize(in.batch());
        for (std::size_t i = 0; i < in.batch() * positions; ++i) v.tokens.data()[i] = in.data()[2 * i + l];
        return v;
    }
};

template <class Spec>
struct TinyResidual {
    template <tessera::StaticShape In, std::floating_point T>
    using Bind = TinyResidualQuantizer<In, Spec, T>;
};

}  // namespace support
