#pragma once
// Adam: the Adam optimiser, with the formula and the defaults of torch.optim.Adam.
//
//     m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2            (Kingma, Ba 2014, arXiv:1412.6980, algorithm 1)
//     p = p - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)
//
// Weight decay, off by default, is added to the gradient of every leaf (g + decay p), so it is divided by the second
// moment. That of AdamW is not.
//
//     Adam optimizer{vae, {.lr = 3e-4}};          Adam<Params> optimizer{{.lr = 3e-4}};
//
// Errors   ArgumentError where lr, eps or weight_decay is not a finite number >= 0, a beta not in [0, 1), or a part of
//          lr_scale invalid; StateError where the step counter, which may come from a file, is out of range
// Cost     twice the memory of the parameters for the moments; an update is one parallel pass without allocation

#include <tessera/optim/detail/adam_rule.hpp>
#include <tessera/optim/lr_scale.hpp>

#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct AdamOptions {
    double lr = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-8;
    double weight_decay = 0;
    std::vector<LrScale> lr_scale{};  ///< factors for parts of the model: {{"codebook", 10}}
};

namespace detail {
struct Coupled {
    static constexpr const char* rule = "Adam";
    static double keep(const AdamOptions&, double, std::size_t) { return 1; }
    static double l2(const AdamOptions& o, std::size_t) { return o.weight_decay; }
};
}  // namespace detail

template <Parameters P>
class Adam : public detail::AdamRule<P, AdamOptions, detail::Coupled> {
public:
    using detail::AdamRule<P, AdamOptions, detail::Coupled>::AdamRule;
};

template <class Model>
    requires requires { typename Model::Params; }
Adam(const Model&, AdamOptions = {})->Adam<typename Model::Params>;

}  // namespace tessera
