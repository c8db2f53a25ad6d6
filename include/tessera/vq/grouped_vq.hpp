#pragma once
// GroupedVq: the channels in equal groups, and a quantizer for each group: a product codebook.
//
//     z = (z_0, ..., z_{G-1}),   q = (Q_0(z_0), ..., Q_{G-1}(z_{G-1}))
//     terms: the mean of those of the groups
//                (product quantization: Jegou, Douze, Schmid 2011; in VQ-VAEs: Baevski, Schneider, Auli 2020,
//                 arXiv:1910.05453, section 3.3; groups of residual quantizers: Yang et al. 2023, arXiv:2305.02765)
//
// The tokens of a position are next to each other, those of the first group first. A shared codebook
// (Codebooks::shared) gets the sum of the statistics of all groups.
//
// Shapes   z [batch, ... x C], q [batch, ... x G times the width that a group gives], tokens [batch, rows x tokens of
//          all groups]
// Params   those of the groups, "0.<name>", "1.<name>" ...; of a shared codebook "<name>". Buffers likewise
// Errors   those of the groups; static_assert where the groups do not divide the channels, or a group does not give the
//          same rows that it takes and the same number of tokens for each
// Cost     that of the groups, and one copy of z and q
//
// Over 250 lines: every member of the contract, once over the groups.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/detail/parts_in_file.hpp>
#include <tessera/vq/levels.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {
template <std::size_t Channels, std::size_t Groups>
struct GroupsDivideChannels {
    static_assert(Groups > 0 && Channels % Groups == 0, "GroupedVq: the groups must divide the channels");
    static constexpr std::size_t width = Groups > 0 && Channels % Groups == 0 ? Channels / Groups : Channels;
};
template <class Q>
struct GroupKeepsRows {
    static_assert(row_count<typename Q::Input> == row_count<typename Q::Output> &&
                      Q::tokens % row_count<typename Q::Input> == 0,
                  "GroupedVq: each group must give as many rows as it takes, and the same number of tokens for each");
};
}  // namespace detail

template <StaticShape In, class Spec, std::size_t Groups, Codebooks Books, std::floating_point T>
struct GroupedVqQuantizer {
private:
    using Piece = WithLastDim<In, detail::GroupsDivideChannels<last_dim<In>, Groups>::width>;
    using Q = vq::BindQuantizer<Spec, Piece, T>;
    static_assert(sizeof(detail::GroupKeepsRows<Q>) > 0);
    static constexpr std::size_t per = vq::tokens_per_position<Q>, width_in = last_dim<Piece>,
                                 width_out = last_dim<typename Q::Output>;

public:
    static constexpr std::string_view name = "GroupedVq";
    static constexpr std::size_t groups = Groups, sets = Books == Codebooks::shared ? 1 : Groups;
    static constexpr std::size_t tokens = Q::tokens * Groups, codes = Q::codes;
    static constexpr std::size_t codes_of(std::size_t i) { return vq::codes_of<Q>(i % per); }
    static constexpr bool packs_batch = vq::PacksBatch<Q>;
    using Scalar = T;
    using Input = In;
    using Output = WithLastDim<In, width_out * Groups>;
    using Params = vq::Levels<typename Q::Params, sets>;
    using Buffers = vq::Levels<typename Q::Buffers, sets>;
    using Terms = vq::Levels<vq::Terms<Q>, sets>;
    using Statistics = vq::Levels<vq::Statistics<Q>, sets>;
    using Options = typename Q::Options;
    using Packed = std::array<typename Q::Packed, sets>;

    struct Group {
        typename Q::Cache inner;
        Tensor<T, Piece> z, dz;
        Tensor<T, typename Q::Output> q, dq;
        Tensor<Token, Shape<Q::tokens>> tokens;
    };
    struct Cache {
        std::array<Group, Groups> group;
        Tensor<T, Piece> all_z;
        Tensor<Token, Shape<Q::tokens>> all_tokens;
    };

    static void init(Params& p, Buffers& b, Rng& rng) {
        for (std::size_t s = 0; s < sets; ++s) Q::init(p.level[s], b.level[s], rng);
    }
    static void pack(const Params& p, const Buffers& b, const Options& o, Packed& w) {
        for (std::size_t s = 0; s < sets; ++s) Q::pack(p.level[s], b.level[s], o, w[s]);
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, Output> q, Cache& c) {
        for (std::size_t g = 0; g < Groups; ++g) {
            Group& v = resize_cache(c, g, z.batch());
            cut(z.data(), g, width_in, v.z);
            Q::forward(w[set(g)], {pass.training, pass.rng.split(g), pass.first}, std::as_const(v.z), v.tokens.view(),
                       v.q.view(), v.inner);
            paste(v.q, g, width_out, q.data());
            paste(v.tokens, g, per, out.data());
        }
    }
    static void lookup(const Packed& w, View<const Token, Shape<tokens>> in, View<T, Output> q, Cache& c) {
        for (std::size_t g = 0; g < Groups; ++g) {
            Group& v = resize_cache(c, g, in.batch());
            cut(in.data(), g, per, v.tokens);
            Q::lookup(w[set(g)], std::as_const(v.tokens), v.q.view(), v.inner);
            paste(v.q, g, width_out, q.data());
        }
    }
    static void backward(const Packed& w, View<const T, In>, View<const Token, Shape<tokens>> in, View<const T, Output>,
                         View<const T, Output> dq, View<T, In> dz, Cache& c, Params& grad) {
        for (std::size_t g = 0; g < Groups; ++g) {
            Group& v = resize_cache(c, g, dz.batch());
            cut(dq.data(), g, width_out, v.dq);
            cut(in.data(), g, per, v.tokens);
            Q::backward(w[set(g)], std::as_const(v.z), std::as_const(v.tokens), std::as_const(v.q), std::as_const(v.dq),
                        v.dz.view(), v.inner, grad.level[set(g)]);
            paste(v.dz, g, width_in, dz.data());
        }
    }
    static Terms regularize(const Packed& w, View<const T, In>, View<const Token, Shape<tokens>> in,
                            View<const T, Output>, View<T, In> dz, Cache& c, Params& grad, double divisor) {
        Terms terms{};
        if constexpr (vq::Regularizes<Q>)
            for (std::size_t g = 0; g < Groups; ++g) {
                Group& v = resize_cache(c, g, dz.batch());
                cut(std::as_const(dz).data(), g, width_in, v.dz);
                cut(in.data(), g, per, v.tokens);
                const auto part =
                    Q::regularize(w[set(g)], std::as_const(v.z), std::as_const(v.tokens), std::as_const(v.q),
                                  v.dz.view(), v.inner, grad.level[set(g)], divisor * static_cast<double>(Groups));
                vq::Terms<Q>::each([](const ParamPath&, double& sum,
                                      const double& term) { sum += term / static_cast<double>(Groups); },
                                   terms.level[set(g)], part);
                paste(v.dz, g, width_in, dz.data());
            }
        return terms;
    }

    static void pack_batch(View<const T, In> z, Packed& w, Cache& c) {
        for (std::size_t g = 0; g < Groups; ++g) {
            Group& v = resize_cache(c, g, z.batch());
            cut(z.data(), g, width_in, v.z);
            if constexpr (Books == Codebooks::own)
                vq::pack_batch<Q>(std::as_const(v.z), w[g], v.inner);
            else
                interleave(v.z, g, z.batch(), c.all_z);
        }
        if constexpr (Books == Codebooks::shared) vq::pack_batch<Q>(std::as_const(c.all_z), w[0], c.group[0].inner);
    }

    // A shared codebook is shown one batch: all groups of a sample, then the next sample, so that processes that
    // continue each other's statistics have the bits of one.
    static void observe(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in,
                        const BatchPart& part, Rng rng, Cache& c, Statistics& statistics) {
        if constexpr (vq::Observes<Q>) {
            for (std::size_t g = 0; g < Groups; ++g) {
                Group& v = resize_cache(c, g, z.batch());
                cut(z.data(), g, width_in, v.z);
                cut(in.data(), g, per, v.tokens);
                if constexpr (Books == Codebooks::own) {
                    Q::observe(w[g], std::as_const(v.z), std::as_const(v.tokens), part, rng.split(g), v.inner,
                               statistics.level[g]);
                } else {
                    interleave(v.z, g, z.batch(), c.all_z);
                    interleave(v.tokens, g, z.batch(), c.all_tokens);
                }
            }
            if constexpr (Books == Codebooks::shared) {
                BatchPart all = part;
                all.first *= Groups;
                all.samples *= Groups;
                all.divisor *= Groups;
                Q::observe(w[0], std::as_const(c.all_z), std::as_const(c.all_tokens), all, rng.split(0),
                           c.group[0].inner, statistics.level[0]);
            }
        }
    }
    static void update(Params& p, Buffers& b, const Statistics& statistics, const Options& o) {
        for (std::size_t s = 0; s < sets; ++s) vq::update<Q>(p.level[s], b.level[s], statistics.level[s], o);
    }
    /// Each group is initialised from its channels; a shared codebook from those of all groups.
    static void initialize_from_data(Params& p, Buffers& b, View<const T, In> z, const Options& o, Rng rng) {
        if constexpr (vq::InitializesFromData<Q>) {
            Tensor<T, Piece> piece{z.batch()}, all;
            for (std::size_t g = 0; g < Groups; ++g) {
                cut(z.data(), g, width_in, piece);
                if constexpr (Books == Codebooks::own)
                    Q::initialize_from_data(p.level[g], b.level[g], std::as_const(piece), o, rng.split(g));
                else
                    interleave(piece, g, z.batch(), all);
            }
            if constexpr (Books == Codebooks::shared)
                Q::initialize_from_data(p.level[0], b.level[0], std::as_const(all), o, rng.split(0));
        }
    }

    static bool optional_in_file(std::string_view leaf) {
        for (std::size_t s = 0; s < sets; ++s)
            if (vq::detail::optional_in_part<Q>(leaf, s, sets)) return true;
        return false;
    }
    static void fill_missing(Params& p, Buffers& b, std::span<const std::string> missing) noexcept {
        for (std::size_t s = 0; s < sets; ++s)
            vq::detail::fill_missing_part<Q>(p.level[s], b.level[s], missing, s, sets);
    }
    static void check_options(const Options& o) { tessera::check_options<Q>(o); }
    static std::vector<Setting> settings(const Options& o) { return settings_of<Q>(o); }
    static NamedValues metadata() { return vq::metadata_of_part<Q>("group."); }

private:
    static constexpr std::size_t set(std::size_t g) { return Books == Codebooks::shared ? 0 : g; }

    static Group& resize_cache(Cache& c, std::size_t g, std::size_t batch) {
        Group& v = c.group[g];
        v.z.resize(batch);
        v.dz.resize(batch);
        v.q.resize(batch);
        v.dq.resize(batch);
        v.tokens.resize(batch);
        return v;
    }
    // Group g of each sample into a batch with all groups of a sample next to each other.
    template <class Part>
    static void interleave(const Part& part, std::size_t g, std::size_t batch, Part& all) {
        all.resize(batch * Groups);
        for (std::size_t n = 0; n < batch; ++n) std::ranges::copy(part[n], all[n * Groups + g].begin());
    }
    // Columns g n .. (g + 1) n - 1 of rows of Groups n.
    template <class U, class S>
    static void cut(const U* from, std::size_t g, std::size_t n, Tensor<U, S>& to) {
        for (std::size_t r = 0; r * n < to.span().size(); ++r)
            std::copy_n(from + (r * Groups + g) * n, n, to.data() + r * n);
    }
    template <class U, class S>
    static void paste(const Tensor<U, S>& from, std::size_t g, std::size_t n, U* to) {
        for (std::size_t r = 0; r * n < from.span().size(); ++r)
            std::copy_n(from.data() + r * n, n, to + (r * Groups + g) * n);
    }
};

/// `GroupedVq<Codebook<256>, 4>`, `GroupedVq<Codebook<256>, 4, Codebooks::shared>`,
/// `GroupedVq<ResidualVq<Codebook<256>, 2>, 2>`
template <class Spec, std::size_t Groups, Codebooks Books = Codebooks::own>
struct GroupedVq {
    template <StaticShape In, std::floating_point T>
    using Bind = GroupedVqQuantizer<In, Spec, Groups, Books, T>;
};

}  // namespace tessera
