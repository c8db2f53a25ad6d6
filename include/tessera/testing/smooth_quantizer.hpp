#pragma once
// Smooth, SmoothQuantizer: a quantizer whose forward has a derivative while the tokens stay the same.
//
//     training      q = gain tanh(z),  token 0
//     evaluation    q = gain for token 0, -gain for token 1
//
// Quantizers that are composed of others are checked around it:
// check_quantizer<MyComposite<testing::Smooth>, In>({.differentiable = true}).
//
// Shapes   z, q [batch, ..., C]; tokens [batch, rows], one for each row of C elements
// Params   gain Shape<C> "gain", 0.7
// Cost     one tanh for each element, in forward and in backward

#include <tessera/vq/quantizer.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI::testing {

template <StaticShape In, std::floating_point T>
struct SmoothQuantizer {
    static constexpr std::string_view name = "Smooth";
    static constexpr std::size_t tokens = row_count<In>, codes = 2, width = last_dim<In>;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Buffers = Empty;
    using Cache = Empty;
    struct Options {};

    struct Params {
        Param<T, Shape<width>> gain;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("gain", p.gain...);
        }
    };
    using Packed = Params;

    static void init(Params& p, Buffers&, Rng&) { p.gain.fill(T(0.7)); }
    static void pack(const Params& p, const Buffers&, const Options&, Packed& w) { w = p; }
    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& cache) {
        std::ranges::fill(out.span(), Token{0});
        if (!pass.training) return lookup(w, out, q, cache);
        for (std::size_t i = 0; i < z.span().size(); ++i) q.data()[i] = w.gain[i % width] * std::tanh(z.data()[i]);
    }
    static void lookup(const Packed& w, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        for (std::size_t i = 0; i < q.span().size(); ++i) {
            const Token k = in.data()[i / width];
            q.data()[i] = k == no_token ? T(0) : k == 0 ? w.gain[i % width] : -w.gain[i % width];
        }
    }
    static void backward(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache&, Params& grad) {
        for (std::size_t i = 0; i < z.span().size(); ++i) {
            const T y = std::tanh(z.data()[i]), g = in.data()[i / width] == no_token ? T(0) : dq.data()[i];
            dz.data()[i] = g * w.gain[i % width] * (T(1) - y * y);
            grad.gain[i % width] += g * y;
        }
    }
};

struct Smooth {
    template <StaticShape In, std::floating_point T>
    using Bind = SmoothQuantizer<In, T>;
};

}  // namespace tessera::testing
