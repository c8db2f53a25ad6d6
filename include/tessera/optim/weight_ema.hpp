#pragma once
// WeightEma: an exponential moving average of weights, for evaluation and sampling.
//
//     a = a + (1 - d) (p - a),   d = decay, or with warm-up min(decay, (1 + t) / (10 + t))
//
// Results with the average are less noisy than with the weights of the last step. t counts the updates before this one;
// the first update copies. Without warm-up the first weights keep a share of d^t.
//
// Errors   ArgumentError where decay is not in [0, 1); StateError where a file has set the number of updates out
//          of range, or the parameters were moved from; nothing has changed then
// Cost     one more copy of the weights; an update is one parallel pass without allocation

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/require_option.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/kernel/threads/parallel.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct WeightEmaOptions {
    double decay = 0.999;
    bool warmup = true;
};

namespace detail {
template <std::floating_point T>
void move_towards(std::span<const T> p, T share, std::span<T> average) {
    const kernel::simd::Vec<T> w(share);
    kernel::for_chunks(p.size(), 65536, [&](std::size_t begin, std::size_t end) {
        kernel::simd::map(
            end - begin, average.data() + begin,
            [&](const auto& a, const auto& x) { return kernel::simd::fma<T>(w, x - a, a); },
            static_cast<const T*>(average.data()) + begin, p.data() + begin);
    });
}
// Visitors, as in optim/clip.hpp.
struct MoveLeaf {
    double share;

    template <class L>
    void operator()(const ParamPath&, L& average, const L& p) const {
        using T = typename L::Scalar;
        move_towards<T>(p.span(), static_cast<T>(share), average.span());
    }
};
}  // namespace detail

template <Parameters P>
class WeightEma {
public:
    static constexpr std::string_view kind = "weight_ema";

    /// A parameter set, for checkpoints.
    struct State {
        P average;
        Param<std::int64_t, Shape<1>> updates;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            P::each(with_prefix("ema", f), s.average...);
            f("ema.updates", s.updates...);
        }
    };

    explicit WeightEma(WeightEmaOptions options = {}) : options_{options} {
        const double d = options_.decay;
        require_option(d >= 0 && d < 1, {"WeightEma", "decay", "a number in [0, 1)"}, d);
    }

    void update(const P& params) {
        static_cast<void>(state_.updates.span());  // the average itself may have been moved from
        if (state_.updates[0] < 0 || state_.updates[0] >= std::int64_t{1} << 53)  // exact in double
            throw StateError("WeightEma: ema.updates: " +
                             expected_got("0 to 2^53 - 1", std::to_string(state_.updates[0])));
        // span() throws where a leaf was moved from: before any average has changed
        P::each(tessera::detail::CheckLeaf{}, params);
        with_fp_environment([&] {
            const bool is_first = state_.updates[0] == 0;
            const double t = static_cast<double>(state_.updates[0]);
            const double decay = options_.warmup ? (std::min)(options_.decay, (1 + t) / (10 + t)) : options_.decay;
            const double share = is_first ? 1 : 1 - decay;
            P::each(detail::MoveLeaf{share}, state_.average, params);
            ++state_.updates[0];
        });
    }

    /// Zero before the first update.
    const P& params() const { return state_.average; }
    std::size_t updates() const { return static_cast<std::size_t>(state_.updates[0]); }
    const WeightEmaOptions& options() const { return options_; }
    State& state() { return state_; }
    const State& state() const { return state_; }

    /// The leaves that io::save and io::load keep: io::save(path, trainer, average).
    template <class F, class... E>
    static void each_state(F&& f, E&... averages) {
        State::each(f, averages.state_...);
    }
    std::vector<Setting> settings() const {
        return {{"decay", number_text(options_.decay)}, {"warmup", number_text(options_.warmup)}};
    }

private:
    WeightEmaOptions options_;
    State state_;
};

}  // namespace tessera
