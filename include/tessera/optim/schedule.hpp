#pragma once
// Schedule: learning-rate schedules: small values that map the number of completed steps to the rate of the next step.
//
//     optimizer.set_lr(schedule(step));
//
// t is the number of completed steps. While t < warmup, all three give  lr (t + 1) / (warmup + 1);  then:
//     Constant        lr
//     WarmupCosine    min_lr + (1 + cos(pi (t - warmup) / (steps - warmup))) / 2 * (lr - min_lr), min_lr from t = steps
//                     on (Loshchilov, Hutter 2016, arXiv:1608.03983)
//     Wsd             warmup-stable-decay: lr for `stable` steps, then linear decay to min_lr over `decay` steps, then
//                     min_lr (Hu et al. 2024, arXiv:2404.06395)

#include <tessera/core/abi.hpp>
#include <tessera/core/fp_environment.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <numbers>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// Any function of the step number is a schedule, also a lambda.
template <class S>
concept Schedule = requires(const S& schedule, std::size_t step) {
    { schedule(step) } -> std::convertible_to<double>;
};

namespace detail {
constexpr double warm_up(double lr, std::size_t t, std::size_t warmup) {
    return lr * static_cast<double>(t + 1) / (static_cast<double>(warmup) + 1);
}
}  // namespace detail

struct Constant {
    double lr = 1e-3;
    std::size_t warmup = 0;

    constexpr double operator()(std::size_t t) const {
        const auto rate = [&] { return t < warmup ? detail::warm_up(lr, t, warmup) : lr; };
        return std::is_constant_evaluated() ? rate() : with_fp_environment(rate);
    }
};

struct WarmupCosine {
    double lr = 1e-3;
    double min_lr = 0;
    std::size_t warmup = 0;
    std::size_t steps = 1;  ///< of the whole run, including the warm-up

    double operator()(std::size_t t) const {
        return with_fp_environment([&] {
            if (t < warmup) return detail::warm_up(lr, t, warmup);
            if (t >= steps) return min_lr;
            const double done = static_cast<double>(t - warmup) / static_cast<double>(steps - warmup);
            return min_lr + (1 + std::cos(std::numbers::pi * done)) / 2 * (lr - min_lr);
        });
    }
};

struct Wsd {
    double lr = 1e-3;
    double min_lr = 0;
    std::size_t warmup = 0;
    std::size_t stable = 1;
    std::size_t decay = 1;

    constexpr double operator()(std::size_t t) const {
        const auto rate = [&] {
            if (t < warmup) return detail::warm_up(lr, t, warmup);
            const std::size_t after = t - warmup;
            if (after < stable) return lr;
            const std::size_t into = after - stable;
            if (into >= decay) return min_lr;
            return lr + (min_lr - lr) * static_cast<double>(into) / static_cast<double>(decay);
        };
        return std::is_constant_evaluated() ? rate() : with_fp_environment(rate);
    }
};

}  // namespace tessera
