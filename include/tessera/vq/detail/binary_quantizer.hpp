#pragma once
// What Lfq and Bsq share: one bit for each channel, the tokens of signs, the entropy terms and a commitment.
//
// Derived has `name`, `value()`, the size of each number of q, and `slope(options)`, that of BitEntropy. The terms are
// those of v: z itself, or z projected onto the sphere.

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/vq/bit_entropy.hpp>
#include <tessera/vq/detail/channels_match.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/sign_tokens.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

template <class Derived, StaticShape In, std::size_t Bits, std::floating_point T, class OptionsOf>
struct BinaryQuantizer {
    static_assert(sizeof(ChannelsMatch<last_dim<In>, Bits>) > 0);
    static constexpr std::size_t tokens = row_count<In>, codes = std::size_t{1} << Bits;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Entropy = BitEntropy<Bits, T>;
    using Params = Empty;
    using Buffers = Empty;
    using Options = OptionsOf;

    struct Packed {
        typename Entropy::Packed entropy;
        T commitment = 0;
    };
    struct Terms {
        double commitment = 0, entropy = 0, diversity = 0;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            f("commitment", s.commitment...);
            f("entropy", s.entropy...);
            f("diversity", s.diversity...);
        }
    };

    static void init(Params&, Buffers&, Rng&) {}
    static void pack(const Params&, const Buffers&, const Options& options, Packed& w) {
        Entropy::pack(options.entropy, Derived::slope(options.entropy), w.entropy);
        w.commitment = T(options.commitment);
    }
    template <class Cache>
    static void lookup(const Packed&, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        sign_lookup<Bits, T>(in.span(), q.span(), Derived::value());
    }

    static std::vector<Setting> settings(const Options& o) {
        std::vector<Setting> all = Entropy::settings(o.entropy);
        all.insert(all.begin(), {"commitment", number_text(o.commitment)});
        return all;
    }
    static void check_options(const Options& o) {
        const std::string name{Derived::name};
        if (!(o.commitment >= 0 && std::isfinite(o.commitment)))
            throw ArgumentError(name +
                                ": commitment: " + expected_got("a finite number >= 0", number_text(o.commitment)));
        Entropy::check_options(name.c_str(), o.entropy);
    }

protected:
    static void sign_rows(const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out, View<T, In> q) {
        sign_tokens<Bits, T>(z.span(), out.span(), q.span(), Derived::value(), std::string{Derived::name}.c_str(),
                             pass.first * In::size);
    }
    // Adds the gradient of all terms to dv.
    static Terms terms_of(const Packed& w, std::span<const T> v, std::span<const Token> chosen, std::span<const T> q,
                          std::span<T> scratch, std::span<T> dv, double divisor) {
        const auto sums = Entropy::regularize(w.entropy, v, chosen, tokens, scratch, dv, divisor);
        Terms terms{.commitment = 0, .entropy = sums.entropy, .diversity = sums.diversity};
        if (w.commitment > T(0)) {
            const double elements = divisor * static_cast<double>(In::size);
            const double sum =
                add_commitment<T>(v, chosen, q, dv, T(2) * w.commitment * static_cast<T>(1.0 / elements));
            terms.commitment = static_cast<double>(w.commitment) * sum / static_cast<double>(In::size);
        }
        return terms;
    }
};

}  // namespace tessera::detail
