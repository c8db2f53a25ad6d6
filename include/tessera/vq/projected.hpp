#pragma once
// Projected: a linear map into the width of a quantizer, the quantizer, and a linear map back.
//
//     q = Q(z W_in + b_in) W_out + b_out
//                       ("factorized codes": Yu et al. 2021, ViT-VQGAN, arXiv:2110.04627, section 3.2)
//
// A codebook of few dimensions is used more fully: ViT-VQGAN and LlamaGen look up vectors of 8 to 32 numbers. It also
// fits a quantizer that fixes the number of its channels to any encoder: `Projected<4, Fsq<8, 5, 5, 5>>`. A position
// without a token has q = 0, without b_out.
//
// Shapes   z, q [batch, ... x C], tokens those of the inner quantizer, whose input is [batch, ... x Width]
// Params   project_in.weight, project_in.bias, project_out.weight, project_out.bias as nn::Linear, and those of the
//          inner quantizer under their names; Buffers likewise
// Errors   those of the inner quantizer; static_assert where it does not keep the number of rows
// Cost     rows C Width multiply-adds each way and per sample, backward twice that, and the inner quantizer

#include <tessera/core/batch_part.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/levels.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {
template <class Q>
struct ProjectedKeepsRows {
    static_assert(
        row_count<typename Q::Input> == row_count<typename Q::Output> && Q::tokens % row_count<typename Q::Input> == 0,
        "Projected: the quantizer must give as many rows as it takes, and the same number of tokens for each");
};
}  // namespace detail

template <StaticShape In, std::size_t Width, class Spec, std::floating_point T>
struct ProjectedQuantizer {
private:
    using Enter = typename nn::Linear<Width>::template Bind<In, T>;
    using Inner = vq::BindQuantizer<Spec, typename Enter::Output, T>;
    static_assert(sizeof(detail::ProjectedKeepsRows<Inner>) > 0);
    using Leave = typename nn::Linear<last_dim<In>>::template Bind<typename Inner::Output, T>;
    static constexpr std::size_t per = vq::tokens_per_position<Inner>;

public:
    static constexpr std::string_view name = "Projected";
    static constexpr std::size_t tokens = Inner::tokens, codes = Inner::codes, width = Width;
    static constexpr std::size_t codes_of(std::size_t i) { return vq::codes_of<Inner>(i); }
    static constexpr bool packs_batch = vq::PacksBatch<Inner>;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Buffers = typename Inner::Buffers;
    using Options = typename Inner::Options;
    using Terms = vq::Terms<Inner>;
    using Statistics = vq::Statistics<Inner>;

    struct Params {
        typename Enter::Params project_in;
        typename Leave::Params project_out;
        typename Inner::Params inner;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            Enter::Params::each(with_prefix("project_in", f), p.project_in...);
            Leave::Params::each(with_prefix("project_out", f), p.project_out...);
            Inner::Params::each(f, p.inner...);
        }
    };
    struct Packed {
        nn::Weights<Enter> enter;
        nn::Weights<Leave> leave;
        typename Inner::Packed inner;
    };
    struct Cache {
        typename Enter::Cache enter;
        typename Leave::Cache leave;
        typename Inner::Cache inner;
        Tensor<T, typename Enter::Output> z, dz;
        Tensor<T, typename Inner::Output> q, dq;
        Tensor<T, In> present;
    };

    static void init(Params& p, Buffers& b, Rng& rng) {
        Enter::init(p.project_in, rng);
        Leave::init(p.project_out, rng);
        Inner::init(p.inner, b, rng);
    }
    static void pack(const Params& p, const Buffers& b, const Options& o, Packed& w) {
        with_fp_environment([&] {
            nn::pack<Enter>(p.project_in, w.enter);
            nn::pack<Leave>(p.project_out, w.leave);
        });
        Inner::pack(p.inner, b, o, w.inner);
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& c) {
        with_fp_environment([&] {
            c.z.resize(z.batch());
            c.q.resize(z.batch());
            Enter::forward(w.enter, z, c.z.view(), c.enter);
            Inner::forward(w.inner, pass, std::as_const(c.z), out, c.q.view(), c.inner);
            leave(w, out, q, c);
        });
    }
    static void lookup(const Packed& w, View<const Token, Shape<tokens>> in, View<T, In> q, Cache& c) {
        with_fp_environment([&] {
            c.q.resize(in.batch());
            Inner::lookup(w.inner, in, c.q.view(), c.inner);
            leave(w, in, q, c);
        });
    }
    static void backward(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in, View<const T, In> q,
                         View<const T, In> dq, View<T, In> dz, Cache& c, Params& grad) {
        with_fp_environment([&] {
            c.dq.resize(z.batch());
            c.dz.resize(z.batch());
            if (std::ranges::find(in.span(), no_token) != in.span().end()) {  // the gradient of b_out must not see them
                c.present.resize(z.batch());
                std::ranges::copy(dq.span(), c.present.data());
                zero_absent<T>(in.span(), per, c.present.span());
                dq = std::as_const(c.present);
            }
            Leave::backward(w.leave, std::as_const(c.q), q, dq, c.dq.view(), c.leave, grad.project_out);
            Inner::backward(w.inner, std::as_const(c.z), in, std::as_const(c.q), std::as_const(c.dq), c.dz.view(),
                            c.inner, grad.inner);
            Enter::backward(w.enter, z, std::as_const(c.z), std::as_const(c.dz), dz, c.enter, grad.project_in);
        });
    }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in,
                            View<const T, In>, View<T, In> dz, Cache& c, Params& grad, double divisor) {
        Terms terms{};
        if constexpr (vq::Regularizes<Inner>)
            with_fp_environment([&] {
                c.dz.resize(z.batch());
                std::ranges::fill(c.dz.span(), T(0));
                terms = Inner::regularize(w.inner, std::as_const(c.z), in, std::as_const(c.q), c.dz.view(), c.inner,
                                          grad.inner, divisor);
                Enter::backward(w.enter, z, std::as_const(c.z), std::as_const(c.dz), dz, c.enter, grad.project_in,
                                {.add_dx = dz.data()});
            });
        return terms;
    }

    static void pack_batch(View<const T, In> z, Packed& w, Cache& c) {
        with_fp_environment([&] {
            c.z.resize(z.batch());
            Enter::forward(w.enter, z, c.z.view(), c.enter);
            vq::pack_batch<Inner>(std::as_const(c.z), w.inner, c.inner);
        });
    }
    static void observe(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in,
                        const BatchPart& part, Rng rng, Cache& c, Statistics& statistics) {
        if constexpr (vq::Observes<Inner>)
            with_fp_environment([&] {
                c.z.resize(z.batch());
                Enter::forward(w.enter, z, c.z.view(), c.enter);
                Inner::observe(w.inner, std::as_const(c.z), in, part, rng, c.inner, statistics);
            });
    }
    static void update(Params& p, Buffers& b, const Statistics& statistics, const Options& o) {
        vq::update<Inner>(p.inner, b, statistics, o);
    }
    static void initialize_from_data(Params& p, Buffers& b, View<const T, In> z, const Options& o, Rng rng) {
        if constexpr (vq::InitializesFromData<Inner>)
            with_fp_environment([&] {
                Tensor<T, typename Enter::Output> projected{z.batch()};
                nn::Weights<Enter> w;
                typename Enter::Cache cache;
                nn::pack<Enter>(p.project_in, w);
                Enter::forward(w, z, projected.view(), cache);
                Inner::initialize_from_data(p.inner, b, std::as_const(projected), o, rng);
            });
    }

    static bool optional_in_file(std::string_view leaf) { return vq::optional_in_file<Inner>(leaf); }
    static void fill_missing(Params& p, Buffers& b, std::span<const std::string> missing) noexcept {
        vq::fill_missing<Inner>(p.inner, b, missing);
    }
    static void check_options(const Options& o) { tessera::check_options<Inner>(o); }
    static std::vector<Setting> settings(const Options& o) { return settings_of<Inner>(o); }
    static NamedValues metadata() { return vq::metadata_of_part<Inner>("projected."); }

private:
    static void leave(const Packed& w, View<const Token, Shape<tokens>> tokens_of, View<T, In> q, Cache& c) {
        Leave::forward(w.leave, std::as_const(c.q), q, c.leave);
        zero_absent<T>(tokens_of.span(), per, q.span());  // q would be b_out
    }
};

/// `Projected<8, Codebook<16384>>`: the codebook has 8 dimensions, whatever the width of the encoder.
template <std::size_t Width, class Spec>
struct Projected {
    static_assert(Width > 0, "Projected: at least one dimension");
    template <StaticShape In, std::floating_point T>
    using Bind = ProjectedQuantizer<In, Width, Spec, T>;
};

}  // namespace tessera
