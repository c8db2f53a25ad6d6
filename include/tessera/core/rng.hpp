#pragma once
// Rng: a counter-based random number generator, Philox4x32-10.
//
//     block(key, counter) = ten rounds of  (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0))
//
// (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; constants from its section 4 and
// the Random123 reference.) A number depends only on (seed, stream, position): not on the thread, the standard library
// or the order of calls in other streams. split(i) gives the i-th of 2^64 independent streams below this one, and the
// same i gives the same stream. The distributions are our own, because those of std:: differ between libraries.
// normal() alone calls std::log, std::sqrt and std::cos, in double, and rounds to float: another C library can change
// the last bit of a weight, rarely.
//
// A generator is saved and loaded like any state, io::save(path, trainer, rng), and then continues the same sequence.
//
// Cost     one Philox block (ten rounds) for four 32-bit numbers; normal() uses four of them

#include <tessera/core/abi.hpp>
#include <tessera/core/param_ref.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// One block of Philox4x32-10: four 32-bit numbers from a 128-bit counter and a 64-bit key.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> c,
                                                                std::array<std::uint32_t, 2> k) noexcept {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0];
        const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c[2];
        c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
             static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return c;
}

class Rng {
public:
    constexpr Rng() = default;
    explicit constexpr Rng(std::uint64_t seed) noexcept : seed_{seed} {}

    /// The i-th stream below this one; does not advance this one. Splits nest: split(epoch).split(step).
    [[nodiscard]] constexpr Rng split(std::uint64_t i) const noexcept {
        const auto r =
            philox4x32({low(i), high(i), low(stream_), high(stream_)}, {low(seed_) ^ 0x74657373u, high(seed_)});
        Rng child{seed_};
        child.stream_ = join(r[0], r[1]);
        return child;
    }
    /// Draws a new stream and advances this one; for functions that take a generator by reference.
    constexpr Rng fork() noexcept { return split(~(position_++)); }

    constexpr std::uint32_t bits() noexcept {
        if (const std::uint64_t index = position_ / 4 + 1; index != block_index_) {
            block_ = philox4x32({low(index), high(index), low(stream_), high(stream_)}, {low(seed_), high(seed_)});
            block_index_ = index;
        }
        return block_[position_++ % 4];
    }
    /// Uniform in [0, 1), a multiple of 2^-24.
    constexpr float uniform() noexcept { return static_cast<float>(bits() >> 8) * 0x1p-24f; }
    constexpr double uniform_double() noexcept {
        const std::uint64_t hi = bits() >> 5, lo = bits() >> 6;
        return static_cast<double>((hi << 26) | lo) * 0x1p-53;
    }
    constexpr float uniform(float low_end, float high_end) noexcept {
        return low_end + (high_end - low_end) * uniform();
    }
    /// Uniform in 0 .. n - 1 without bias (Lemire's multiply-and-reject method); n > 0.
    constexpr std::uint32_t below(std::uint32_t n) noexcept {
        std::uint64_t m = std::uint64_t{bits()} * n;
        if (static_cast<std::uint32_t>(m) < n) {
            const std::uint32_t threshold = (0u - n) % n;
            while (static_cast<std::uint32_t>(m) < threshold) m = std::uint64_t{bits()} * n;
        }
        return static_cast<std::uint32_t>(m >> 32);
    }
    /// Standard normal by the Box-Muller transform, cosine branch; uses two uniform doubles.
    float normal() noexcept {
        const double u = 1.0 - uniform_double(), v = uniform_double();
        return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
    }
    float normal(float mean, float deviation) noexcept { return mean + deviation * normal(); }

    [[nodiscard]] constexpr std::uint64_t seed() const noexcept { return seed_; }
    [[nodiscard]] constexpr std::uint64_t position() const noexcept { return position_; }

    /// f(path, leaf) for "rng.seed", "rng.stream" and "rng.position", a 64-bit integer each.
    template <class F, class... R>
    static void each_state(F&& f, R&... rngs) {
        (forget_block(rngs), ...);
        visit_refs(f, "rng.seed", ParamRef{rngs.seed_}...);
        visit_refs(f, "rng.stream", ParamRef{rngs.stream_}...);
        visit_refs(f, "rng.position", ParamRef{rngs.position_}...);
    }

private:
    /// Discards the cached block, which belongs to the previous state.
    template <class R>
    static constexpr void forget_block(R& rng) noexcept {
        if constexpr (!std::is_const_v<R>) rng.block_index_ = 0;
    }

    static constexpr std::uint32_t low(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x); }
    static constexpr std::uint32_t high(std::uint64_t x) noexcept { return static_cast<std::uint32_t>(x >> 32); }
    static constexpr std::uint64_t join(std::uint32_t lo, std::uint32_t hi) noexcept {
        return std::uint64_t{hi} << 32 | lo;
    }

    std::uint64_t seed_ = 0;
    std::uint64_t stream_ = 0;
    std::uint64_t position_ = 0;
    std::array<std::uint32_t, 4> block_{};
    std::uint64_t block_index_ = 0;  // index of the cached block, counted from 1; 0: none
};

}  // namespace tessera
