#pragma once
// A block as a user would write it: a causal depthwise convolution over tokens instead of attention, and a gated MLP.
//
//     x = x + mixer(norm(x)),   x = x + W2 gate(W1 norm(x))

#include <tessera/tessera.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>

namespace user {

namespace ts = tessera;

// y[t][c] = sum over k < K of weight[k][c] x[t - k][c]: each channel of a token sees the last K tokens.
template <ts::StaticShape In, std::size_t K, std::floating_point T>
struct MixerLayer {
    static constexpr std::size_t tokens = In::dims[0], width = In::dims[1];
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Cache = ts::Empty;
    struct Params {
        ts::Param<T, ts::Shape<K, width>> weight;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("weight", p.weight...);
        }
    };

    static void init(Params& p, ts::Rng& rng) { ts::nn::normal(p.weight, 0.5f, rng); }
    static void forward(const Params& p, ts::View<const T, In> x, ts::View<T, In> y, Cache&) {
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t t = 0; t < tokens; ++t) mix(p, x[n].data(), t, y[n].data() + t * width);
    }
    static void backward(const Params& p, ts::View<const T, In> x, ts::View<const T, In>, ts::View<const T, In> dy,
                         ts::View<T, In> dx, Cache&, Params& grad) {
        std::ranges::fill(dx.span(), T(0));
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t t = 0; t < tokens; ++t)
                for (std::size_t k = 0; k < K && k <= t; ++k)
                    for (std::size_t c = 0; c < width; ++c) {
                        dx[n][(t - k) * width + c] += p.weight[k * width + c] * dy[n][t * width + c];
                        grad.weight[k * width + c] += x[n][(t - k) * width + c] * dy[n][t * width + c];
                    }
    }

    // Some tokens at a time: the state is the rows so far.
    using Row = ts::nn::TokenRow<In>;
    struct State {
        explicit State(const ts::nn::Capacity& capacity) : seen(capacity.sequences) {}
        ts::Tensor<T, In> seen;
    };
    static void step(const Params& p, ts::View<const T, Row> x, ts::View<T, Row> y, State& state,
                     const ts::nn::Step& at) {
        for (std::size_t n = 0; n < at.sequences; ++n)
            for (std::size_t t = 0; t < at.tokens; ++t) {
                const std::size_t place = at.position + t, row = n * at.tokens + t;
                std::ranges::copy(x[row], state.seen[n].data() + place * width);
                mix(p, state.seen[n].data(), place, y[row].data());
            }
    }

private:
    static void mix(const Params& p, const T* x, std::size_t t, T* y) {
        for (std::size_t c = 0; c < width; ++c) {
            T sum = 0;
            for (std::size_t k = 0; k < K && k <= t; ++k)
                sum = std::fma(p.weight[k * width + c], x[(t - k) * width + c], sum);
            y[c] = sum;
        }
    }
};
template <std::size_t K>
struct Mixer {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = MixerLayer<In, K, T>;
};

// y = silu(a) b of each row [a b].
template <ts::StaticShape In, std::floating_point T>
struct GateLayer {
    static constexpr std::size_t half = ts::last_dim<In> / 2;
    static constexpr ts::nn::Steps steps{.per_token = true};  // all that sampling with a cache requires
    using Scalar = T;
    using Input = In;
    using Output = ts::WithLastDim<In, half>;
    using Params = ts::Empty;
    using Cache = ts::Empty;

    static void init(Params&, ts::Rng&) {}
    static void forward(const Params&, ts::View<const T, In> x, ts::View<T, Output> y, Cache&) {
        for (std::size_t i = 0; i < y.span().size(); ++i) {
            const T* a = x.data() + i / half * 2 * half + i % half;
            y.data()[i] = a[0] * sigmoid(a[0]) * a[half];
        }
    }
    static void backward(const Params&, ts::View<const T, In> x, ts::View<const T, Output>,
                         ts::View<const T, Output> dy, ts::View<T, In> dx, Cache&, Params&) {
        for (std::size_t i = 0; i < dy.span().size(); ++i) {
            const std::size_t first = i / half * 2 * half + i % half;
            const T a = x.data()[first], b = x.data()[first + half], s = sigmoid(a), d = dy.data()[i];
            dx.data()[first] = d * b * s * (1 + a * (1 - s));
            dx.data()[first + half] = d * a * s;
        }
    }

private:
    static T sigmoid(T a) { return 1 / (1 + std::exp(-a)); }
};
struct Gate {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = GateLayer<In, T>;
};

template <std::size_t Width>
using Block = ts::nn::Seq<ts::nn::Residual<ts::nn::LayerNorm, Mixer<4>>,
                          ts::nn::Residual<ts::nn::LayerNorm, ts::nn::Linear<4 * Width>, Gate, ts::nn::Linear<Width>>>;

}  // namespace user
