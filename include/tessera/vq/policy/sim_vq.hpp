#pragma once
// SimVq: learning policy of a Codebook: a fixed table of normal numbers times a learned matrix.
//
//     e = table W,   table ~ N(0, 1 / D), which no gradient changes;   W [D, D] is the identity at first
//                                        (Zhu, Li, Xin, Xu 2024, arXiv:2411.02038, eq. 6)
//
// Each update of W moves every vector, so that the paper's codebooks of 262,144 vectors are used whole. In short runs
// that is not enough: on the bundled digits (small nets of examples/digits, three epochs, 256 vectors) a commitment of
// 0.25 left 11 % in use (18.2 dB), one of 0.02 87 % with a perplexity of 42 (19.3 dB). So dead vectors move, as in
// vq/policy/bridge.hpp: their rows of the table, of which the paper knows no change. With the default options 100 % are
// in use, perplexity 200, 21.6 dB (vq::Ema 192, 21.4 dB; after twelve epochs 171, 24.6 dB); with a `revive.below` of 0
// the table is fixed, as in the paper.
//
// Params   W "codebook.map.weight"; buffers "codebook.table" [K, D], "codebook.count" [K], 1, "codebook.grace" [K], 0
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
