#pragma once
// ScaleAndShift: the parameters of the normalisation layers, a factor and a summand for each channel.
//
// Params   weight Shape<Channels> "weight", 1; bias Shape<Channels> "bias", 0 (PyTorch's names); no bias with no_bias

#include <tessera/core/param.hpp>
#include <tessera/nn/bias.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

template <std::size_t Channels, std::floating_point T, Bias B = Bias::with>
struct ScaleAndShift {
    Param<T, Shape<Channels>> weight;
    Param<T, Shape<B == Bias::with ? Channels : 0>> bias;

    void init() {
        weight.fill(T(1));
        bias.fill(T(0));
        weight.set_role(Role::gain);
        bias.set_role(Role::bias);
    }
    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
        if constexpr (B == Bias::with) f("bias", p.bias...);
    }
};

}  // namespace tessera::nn
