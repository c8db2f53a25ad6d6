#pragma once
// init: initialisation of parameters. Each function fills one leaf, in memory order; PyTorch's defaults.
//
//     uniform_fan_in   U(-a, a), a = 1 / sqrt(fan_in)              weights and biases of Linear and the convolutions
//                      (PyTorch: kaiming_uniform of slope sqrt 5; He, Zhang, Ren, Sun 2015, arXiv:1502.01852)
//     xavier_uniform   U(-a, a), a = sqrt(6 / (fan_in + fan_out))  projections of attention
//                      (Glorot, Bengio 2010)
//     normal           N(0, deviation^2)                           embeddings
//
// Numbers are drawn in float whatever the scalar of the leaf: a net in double starts at the weights of the same net in
// float.

#include <tessera/core/rng.hpp>

#include <cmath>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn {

template <class P>
void uniform(P& leaf, float bound, Rng& rng) {
    for (auto& value : leaf.span()) value = rng.uniform(-bound, bound);
}

/// fan_in: number of inputs of one output (Linear: in; Conv2d: in height width; ConvTranspose2d: out height width,
/// which is what PyTorch takes there).
template <class P>
void uniform_fan_in(P& leaf, std::size_t fan_in, Rng& rng) {
    nn::uniform(leaf, static_cast<float>(1.0 / std::sqrt(static_cast<double>(fan_in))), rng);
}

template <class P>
void xavier_uniform(P& leaf, std::size_t fan_in, std::size_t fan_out, Rng& rng) {
    nn::uniform(leaf, static_cast<float>(std::sqrt(6.0 / static_cast<double>(fan_in + fan_out))), rng);
}

template <class P>
void normal(P& leaf, float deviation, Rng& rng) {
    for (auto& value : leaf.span()) value = deviation * rng.normal();
}

}  // namespace tessera::nn
