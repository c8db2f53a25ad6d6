#pragma once
// The codebooks of a quantizer, also those of the quantizers that it is composed of: the decay of their moving
// averages, and how many numbers they have.

#include <tessera/core/path.hpp>

#include <cstddef>
#include <tuple>

namespace digits {

/// Sets the decay in the options of a quantizer; changes nothing where it has no moving averages.
template <class Options>
void set_decay(Options& options, float decay) {
    if constexpr (requires { options.ema.decay = decay; }) options.ema.decay = decay;
    if constexpr (requires { std::tuple_size<Options>::value; })
        std::apply([&](auto&... each) { (set_decay(each, decay), ...); }, options);
    if constexpr (requires { options.inner; }) set_decay(options.inner, decay);
}

/// Numbers of the codebooks, which the optimiser does not update; 0 where there are none.
template <class Vae>
std::size_t codebook_numbers(const Vae& vae) {
    std::size_t numbers = 0;
    Vae::Buffers::each(
        [&](const tessera::Path& path, const auto& leaf) {
            if (path.str().ends_with("weight")) numbers += leaf.span().size();
        },
        vae.buffers());
    return numbers;
}

}  // namespace digits
