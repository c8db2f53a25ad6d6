#pragma once
// SimVq: learning policy of a Codebook: a fixed table of normal numbers times a learned matrix.
//
//     e = table W,   table ~ N(0, 1 / D), never changes;   W [D, D] is the identity at first
//                                        (Zhu, Li, Xin, Xu 2024, arXiv:2411.02038, eq. 6)
//
// Each update of W moves every vector, so none dies: the paper's codebooks of 262,144 vectors are used whole.
// Not so in short runs: three epochs on the bundled digits with the small nets of examples/digits and a commitment of
// 0.25 leave 11 % of 256 vectors in use (18.2 dB; vq::Ema 100 %, 21.4 dB).
//
// Params   W "codebook.map.weight"; buffer "codebook.table" [K, D]
// Cost     K D^2 multiply-adds in each packing; in backward rows D^2 twice

#include <tessera/nn/linear.hpp>
#include <tessera/vq/policy/bridge.hpp>
#include <tessera/vq/policy/policies.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::vq {

template <std::size_t K, std::size_t D, std::floating_point T>
struct SimVqVectors : BridgedVectors<K, D, nn::LinearLayer<Shape<D>, D, nn::no_bias, T>, false> {
    using Base = BridgedVectors<K, D, nn::LinearLayer<Shape<D>, D, nn::no_bias, T>, false>;
    static void init(typename Base::Params& params, typename Base::Buffers& buffers, Rng& rng) {
        Base::init(params, buffers, rng);
        params.net.weight.fill(T(0));
        for (std::size_t i = 0; i < D; ++i) params.net.weight[i * D + i] = T(1);
    }
};

struct SimVq {
    using category = LearningPolicy;
    template <std::size_t K, std::size_t D, std::floating_point T>
    using Of = SimVqVectors<K, D, T>;
};

}  // namespace tessera::vq
