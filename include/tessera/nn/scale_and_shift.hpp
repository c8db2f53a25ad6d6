#pragma once
// ScaleAndShift: the parameters of the normalisation layers, a factor and a summand for each channel.
//
// Params   weight Shape<Channels> "weight", 1; bias Shape<Channels> "bias", 0 (PyTorch's names)

#include <tessera/core/param.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

template <std::size_t Channels, std::floating_point T>
struct ScaleAndShift {
    Param<T, Shape<Channels>> weight;
    Param<T, Shape<Channels>> bias;

    void init() {
        weight.fill(T(1));
        bias.fill(T(0));
        weight.set_role(Role::gain);
        bias.set_role(Role::bias);
    }
    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("weight", p.weight...);
        f("bias", p.bias...);
    }
};

}  // namespace tessera::nn
