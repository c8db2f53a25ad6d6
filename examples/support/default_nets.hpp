#pragma once
// The nets of both presets with the default quantizer, a codebook: for measurements.

#include "nets.hpp"

namespace digits {

template <Preset P>
struct DefaultNets {
    using Vae = VaeOf<P, Chosen<0, P>>;
    using Prior = PriorOf<P, Vae::codes, Vae::tokens>;
    using Gpt2 = typename PriorNet<P, Vae::codes, Vae::tokens>::Gpt2;
};
using Small = DefaultNets<Preset::small>;
using Std = DefaultNets<Preset::std>;

}  // namespace digits
