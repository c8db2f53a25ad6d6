#pragma once
// What the constructors of Gpt and AnyOrderGpt share: the check of the options, and the initialisation by roles.

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/nn/init.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tessera::inline TESSERA_ABI::detail {

/// Options: GptOptions. `model` begins the message.
template <class Options>
void check_gpt_options(const Options& options, const std::string& model) {
    const auto check_probability = [&](const char* what, double p) {
        if (!(p >= 0 && p <= 1))
            throw ArgumentError(model + ": " + what + ": " + expected_got("a number in [0, 1]", std::to_string(p)));
    };
    check_probability("label_dropout", options.label_dropout);
    check_probability("token_corruption", options.token_corruption);
}

/// Weights N(0, 0.02^2), those that add to the residual stream smaller by sqrt(their number), biases 0. Returns the
/// stream that a trainer without a seed draws from.
template <class Net, class Params>
Rng init_gpt(Params& params, Rng& rng) {
    constexpr std::uint64_t training_stream = 0x747261696e;  // far from the stream numbers that init uses
    return with_fp_environment([&] {
        using T = typename Net::Scalar;
        Rng own = rng.fork();
        const Rng training = own.split(training_stream);
        Net::init(params.net, own);
        std::size_t residuals = 0;
        Params::each([&](const ParamPath&, const auto& leaf) { residuals += leaf.role() == Role::residual; }, params);
        const float deviation = 0.02f, smaller = deviation / std::sqrt(static_cast<float>(residuals));
        Params::each(
            [&](const ParamPath&, auto& leaf) {
                const Role role = leaf.role();
                if (role == Role::weight || role == Role::output) nn::normal(leaf, deviation, own);
                if (role == Role::residual) nn::normal(leaf, smaller, own);
                if (role == Role::bias) leaf.fill(T(0));
            },
            params);
        return training;
    });
}

}  // namespace tessera::detail
