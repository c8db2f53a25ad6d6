#pragma once
// AdamW: Adam with decoupled weight decay, with the formula and the defaults of torch.optim.AdamW.
//
//     p = (1 - lr decay) p                                    (Loshchilov, Hutter 2017, arXiv:1711.05101, algorithm 2)
//     m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2
//     p = p - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)
//
// Decay applies to leaves of rank 2 and more: weights of layers and embeddings, but neither biases nor gains.
//
//     AdamW optimizer{vae, {.lr = 3e-4}};         AdamW<Params> optimizer{{.lr = 3e-4}};
//     optimizer.update(params, grad);
//
// Errors   ArgumentError where lr, eps or weight_decay is not a finite number >= 0, a beta not in [0, 1), or a part of
//          lr_scale invalid; StateError where the step counter, which may come from a file, is out of range
// Cost     twice the memory of the parameters for the moments; an update is one parallel pass without allocation

#include <tessera/optim/detail/adam_rule.hpp>
#include <tessera/optim/lr_scale.hpp>

#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct AdamWOptions {
    double lr = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-8;
    double weight_decay = 1e-2;
    std::vector<LrScale> lr_scale{};  ///< factors for parts of the model: {{"codebook", 10}}
};

namespace detail {
struct Decoupled {
    static constexpr const char* rule = "AdamW";
    static double keep(const AdamWOptions& o, double lr, std::size_t rank) {
        return rank >= 2 ? 1 - lr * o.weight_decay : 1;
    }
    static double l2(const AdamWOptions&, std::size_t) { return 0; }
};
}  // namespace detail

template <Parameters P>
class AdamW : public detail::AdamRule<P, AdamWOptions, detail::Decoupled> {
public:
    using detail::AdamRule<P, AdamWOptions, detail::Decoupled>::AdamRule;
};

template <class Model>
    requires requires { typename Model::Params; }
AdamW(const Model&, AdamWOptions = {})->AdamW<typename Model::Params>;

}  // namespace tessera
