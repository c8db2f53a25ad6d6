#pragma once
// The codebooks of a quantizer, also those of the quantizers that it is composed of: the decay of their moving
// averages, and how many numbers they have.

#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/setting.hpp>

#include <cstddef>
#include <tuple>

namespace digits {

namespace detail {
template <class Options>
void set_decay(Options& options, double decay) {
    if constexpr (requires { options.ema.decay = decay; }) options.ema.decay = decay;
    if constexpr (requires { std::tuple_size<Options>::value; })
        std::apply([&](auto&... each) { (set_decay(each, decay), ...); }, options);
    if constexpr (requires { options.inner; }) set_decay(options.inner, decay);
}
}  // namespace detail

/// The options of a quantizer with this decay, where one of its codebooks reads it: it is then among the settings.
template <class Q>
typename Q::Options options_with_decay(double decay) {
    typename Q::Options options{};
    for (const tessera::Setting& setting : tessera::settings_of<Q>(options))
        if (setting.key.ends_with("ema.decay")) {
            detail::set_decay(options, decay);
            break;
        }
    return options;
}

/// Numbers of the codebooks, which the optimiser does not update; 0 where there are none.
template <class Vae>
std::size_t codebook_numbers(const Vae& vae) {
    std::size_t numbers = 0;
    Vae::Buffers::each(
        [&](const tessera::ParamPath& path, const auto& leaf) {
            if (path.str().ends_with("weight")) numbers += leaf.span().size();
        },
        vae.buffers());
    return numbers;
}

}  // namespace digits
