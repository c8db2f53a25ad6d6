#pragma once
// Adam (Kingma, Ba 2014, arXiv:1412.6980); PyTorch's defaults and formula. Its decay, off by default, joins
// the gradient of every leaf (g + decay p) and is thus divided by the second moment; AdamW's is not.
//
//     m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2
//     p = p - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)
//
//     Adam optimizer{vae, {.lr = 3e-4}};          Adam<Params> optimizer{{.lr = 3e-4}};

#include <tessera/optim/detail/adam_rule.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

struct AdamOptions {
    double lr = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-8;
    double weight_decay = 0;
};

namespace detail {
struct Coupled {
    static constexpr const char* rule = "Adam";
    static double keep(const AdamOptions&, std::size_t) { return 1; }
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
