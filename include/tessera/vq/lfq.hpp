#pragma once
// Lfq: lookup-free quantization. Each channel is one bit, its sign.
//
//     q_i = 1 where z_i > 0, else -1;   token = sum over i of 2^i [z_i > 0]
//     dz = dq                                                 straight through
//     entropy, diversity: vq/bit_entropy.hpp with p_i = sigmoid(4 inv_temperature z_i), which is the softmax of
//                         -inv_temperature |z - c|^2 over all c in {-1, 1}^bits
//     commitment: beta mean (z - q)^2
//                                         (Yu et al. 2023, arXiv:2310.05737, section 3.1, eqs. 3 to 5)
//
// There is no codebook, so the vocabulary may be large: 2^18 in the paper. Both entropy terms are needed: without
// diversity all rows choose a few tokens. Defaults are those of GitHub lucidrains/vector-quantize-pytorch.
//
// On the bundled digits, with the nets of examples/digits, it collapsed with these defaults: 3 of 256 tokens after 12
// epochs, and P that lags behind the batch is part of the reason. Look at the usage before you trust a run.
//
// Shapes   z, q [batch, ... x bits], tokens [batch, rows]; one token for each row
// Params   none; buffer (saved, not optimised) mean Shape<bits> "lfq.mean": vq/bit_entropy.hpp; 0.5
// Errors   NumericError for a number that is not finite; ArgumentError for an option out of range; static_assert where
//          the encoder does not have one channel per bit, or bits is not in 1 .. 31
// Cost     forward: one comparison per number; terms: one exp per number, one logarithm per row; no table of 2^bits
//          here, but a VqVae counts how often each token occurs: 8 x 2^bits bytes

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/path.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/vq/bit_entropy.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>
#include <tessera/vq/sign_tokens.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct LfqOptions {
    float commitment = 0;  ///< beta of the commitment term
    BitEntropyOptions entropy{.weight = 0.1f, .diversity_gamma = 1, .inv_temperature = 100, .decay = 0.9};
};

namespace detail {
template <std::size_t Channels, std::size_t Bits>
struct LfqChannels {
    static_assert(Channels == Bits, "Lfq: expected as many channels from the encoder as there are bits");
};
}  // namespace detail

template <StaticShape In, std::size_t Bits, std::floating_point T>
struct LfqQuantizer {
    static_assert(sizeof(detail::LfqChannels<last_dim<In>, Bits>) > 0);
    static constexpr std::string_view name = "Lfq";
    static constexpr std::size_t tokens = row_count<In>, codes = std::size_t{1} << Bits;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Entropy = BitEntropy<Bits, T>;
    using Params = Empty;
    using Options = LfqOptions;
    using Statistics = typename Entropy::Statistics;

    struct Buffers {
        typename Entropy::Buffers entropy;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            Entropy::Buffers::each(with_prefix("lfq", f), b.entropy...);
        }
    };
    struct Packed {
        typename Entropy::Packed entropy;
        T commitment = 0;
    };
    struct Cache {
        Tensor<T, In> scratch;
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

    static void init(Params&, Buffers& buffers, Rng&) { Entropy::init(buffers.entropy); }
    static void pack(const Params&, const Buffers& buffers, const Options& options, Packed& w) {
        Entropy::pack(buffers.entropy, options.entropy, T(4) * T(options.entropy.inv_temperature), w.entropy);
        w.commitment = T(options.commitment);
    }
    static void forward(const Packed&, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache&) {
        sign_tokens<Bits, T>(z.span(), out.span(), q.span(), T(1), "Lfq", pass.first * In::size);
    }
    static void lookup(const Packed&, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        sign_lookup<Bits, T>(in.span(), q.span(), T(1));
    }
    static void backward(const Packed&, View<const T, In>, View<const Token, Shape<tokens>> chosen, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache&, Params&) {
        straight_through<T>(chosen.span(), dq.span(), dz.span());
    }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen,
                            View<const T, In> q, View<T, In> dz, Cache& cache, Params&, double divisor) {
        cache.scratch.resize(z.batch());
        const auto sums =
            Entropy::regularize(w.entropy, z.span(), chosen.span(), tokens, cache.scratch.span(), dz.span(), divisor);
        Terms terms{.commitment = 0, .entropy = sums.entropy, .diversity = sums.diversity};
        if (w.commitment > T(0)) {
            const double numbers = divisor * static_cast<double>(In::size);
            const double sum = add_commitment<T>(z.span(), chosen.span(), q.span(), dz.span(),
                                                 T(2) * w.commitment * static_cast<T>(1.0 / numbers));
            terms.commitment = static_cast<double>(w.commitment) * sum / static_cast<double>(In::size);
        }
        return terms;
    }
    static void observe(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen, const BatchPart&,
                        Rng, Cache& cache, Statistics& statistics) {
        cache.scratch.resize(z.batch());
        Entropy::observe(w.entropy, z.span(), chosen.span(), cache.scratch.span(), statistics);
    }
    static void update(Params&, Buffers& buffers, const Statistics& statistics, const Options& options) {
        Entropy::update(buffers.entropy, statistics, options.entropy);
    }

    /// Encoding and decoding do not read the running mean.
    static bool optional_in_file(std::string_view leaf) { return leaf == "lfq.mean"; }
    static void complete(Params&, Buffers& buffers, std::span<const std::string> missing) noexcept {
        for (const std::string& leaf : missing)
            if (leaf == "lfq.mean") Entropy::init(buffers.entropy);
    }
    static std::vector<Setting> settings(const Options& o) {
        std::vector<Setting> all = Entropy::settings(o.entropy);
        all.insert(all.begin(), {"commitment", number_text(o.commitment)});
        return all;
    }
    static void check_options(const Options& o) {
        if (!(o.commitment >= 0 && std::isfinite(o.commitment)))
            throw ArgumentError("Lfq: commitment: " + expected_got("a finite number >= 0", number_text(o.commitment)));
        Entropy::check_options("Lfq", o.entropy);
    }
};

/// The quantizer spec of a VqVae: `Lfq<10>`, with 2^10 tokens. The encoder gives one channel for each bit.
template <std::size_t Bits>
struct Lfq {
    static_assert(Bits > 0 && Bits < 32, "Lfq: 1 to 31 bits: a token has 32, of which one value means absent");
    template <StaticShape In, std::floating_point T>
    using Bind = LfqQuantizer<In, Bits, T>;
};

}  // namespace tessera
