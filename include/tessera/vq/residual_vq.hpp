#pragma once
// ResidualVq: each level quantizes what the levels before it left.
//
//     r_0 = z,   q_l = Q_l(r_l),   r_{l+1} = r_l - q_l,   q = sum_l q_l
//     gradient of q: the exact chain   g = 0;  for l from the last:  g = g + J_l^T (dq - g);   dz = g
//     terms: the mean of those of the levels; each r_l moves with z, the q before it are constants
//                          (Lee, Kim, Kim, Cho, Han 2022, arXiv:2203.01941; quantize dropout: Zeghidour, Luebs, Omran,
//                           Skoglund, Tagliasacchi 2021, arXiv:2107.03312)
//
// With straight-through levels the chain gives dz = dq, not depth times dq, and levels with weights (Projected) learn
// from what they leave to the next. The tokens of a position are next to each other, the first level first; the levels
// may have codebooks of different sizes (ResidualVqOf). A shared codebook (Codebooks::shared) gets the sum of the
// statistics of all levels and is updated once, after the step: it never changes between two levels.
//
// Options: `dropout` is the probability that a training step draws how many levels it keeps, from `keep` to all, once
// for the step. The tokens of the others are no_token, as in decoding fewer levels than there are. `beam` is
// how many chains of tokens encoding keeps after each level, in evaluation only. With 1 each level takes its nearest
// token; a larger beam finds a smaller |z - q|, at more than beam times the cost of the search.
//
// Shapes   z, q [batch, ... x D], tokens [batch, rows x tokens of all levels]
// Params   those of the levels, "0.<name>", "1.<name>" ...; of a shared codebook "<name>". Buffers likewise
// Errors   those of the levels; ArgumentError for an option out of range; static_assert where a level gives another
//          shape than it takes, or not the same number of tokens for each position
// Cost     that of the levels, and two passes over z for each; memory of a block: 2 depth + 2 times z
//
// Over 250 lines: every member of the contract, once over the levels.

#include <tessera/core/batch_part.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/vq/bind_quantizer.hpp>
#include <tessera/vq/detail/parts_in_file.hpp>
#include <tessera/vq/detail/residual_beam.hpp>
#include <tessera/vq/detail/residual_layout.hpp>
#include <tessera/vq/drop_levels.hpp>
#include <tessera/vq/levels.hpp>
#include <tessera/vq/nearest_few.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Inner: the options of the levels, or a tuple of them where they are of different specs.
template <class Inner>
struct ResidualVqOptions {
    Inner inner{};
    double dropout = 0;    ///< probability that a training step draws how many levels it keeps, in [0, 1]
    std::size_t keep = 1;  ///< it draws `keep` to all levels, equally likely
    std::size_t beam = 1;  ///< chains of tokens that encoding keeps after each level, 1 to 65536
};

template <StaticShape In, Codebooks Books, std::floating_point T, class... Specs>
struct ResidualVqQuantizer {
private:
    using Layout = vq::detail::ResidualLayout<Books, vq::BindQuantizer<Specs, In, T>...>;
    template <std::size_t l>
    using Level = typename Layout::template Level<l>;
    using First = Level<0>;
    static constexpr bool alike = Layout::alike;
    static constexpr std::size_t positions = row_count<In>;

public:
    static constexpr std::string_view name = "ResidualVq";
    static constexpr std::size_t depth = Layout::depth, sets = Layout::sets;
    static constexpr std::size_t tokens = positions * Layout::per_position;
    static constexpr std::size_t codes = (std::ranges::max)(Layout::vocabularies);
    static constexpr std::size_t codes_of(std::size_t i) { return Layout::vocabularies[i % Layout::per_position]; }
    /// Whether the levels support a beam.
    static constexpr bool searches = (vq::OffersNearestFew<vq::BindQuantizer<Specs, In, T>> && ...);
    static constexpr bool packs_batch = (vq::PacksBatch<vq::BindQuantizer<Specs, In, T>> || ...);
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = typename Layout::template Named<vq::detail::ParamsOf>;
    using Buffers = typename Layout::template Named<vq::detail::BuffersOf>;
    using Terms = typename Layout::template Named<vq::Terms>;
    using Statistics = typename Layout::template Named<vq::Statistics>;
    using Options = ResidualVqOptions<typename Layout::Options>;

    struct Packed {
        typename Layout::template Stored<vq::detail::PackedOf, sets> level;
        double dropout = 0;
        std::size_t keep = 1, beam = 1;
    };
    struct Cache {
        typename Layout::template Stored<vq::detail::ResidualLevelCache, depth> level;
        Tensor<T, In> dq, d, all_r;
        Tensor<Token, Shape<First::tokens>> all_tokens;
        vq::detail::ResidualBeam<T> beam;
        std::vector<Token> chains;
    };

    static void init(Params& p, Buffers& b, Rng& rng) {
        Layout::for_sets([&](auto l) { Level<l>::init(std::get<l>(p.level), std::get<l>(b.level), rng); });
    }
    static void pack(const Params& p, const Buffers& b, const Options& o, Packed& w) {
        Layout::for_sets([&](auto l) {
            Level<l>::pack(std::get<l>(p.level), std::get<l>(b.level), inner<l>(o), std::get<l>(w.level));
        });
        w.dropout = o.dropout;
        w.keep = o.keep;
        w.beam = o.beam;
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& c) {
        with_fp_environment([&] {
            if constexpr (searches)
                if (!pass.training && w.beam > 1) return search(w, pass, z, out, q, c);
            const std::size_t run = drop_levels(w).draw(pass);
            Layout::for_levels([&](auto l) {
                auto& v = resize_cache<l>(c, z.batch());
                if (l < run) {
                    const View<const T, In> r = rest<l>(c, z);
                    Level<l>::forward(of_level<l>(w), {pass.training, pass.rng.split(l), pass.first}, r,
                                      v.tokens.view(), v.q.view(), v.inner);
                    add<l>(v.q, q);
                } else {
                    std::ranges::fill(v.tokens.span(), no_token);
                }
                Layout::template join<l>(v.tokens, out);
            });
        });
    }
    static void lookup(const Packed& w, View<const Token, Shape<tokens>> in, View<T, In> q, Cache& c) {
        with_fp_environment([&] {
            Layout::for_levels([&](auto l) {
                auto& v = resize_cache<l>(c, in.batch());
                Layout::template split<l>(in, v.tokens);
                Level<l>::lookup(of_level<l>(w), std::as_const(v.tokens), v.q.view(), v.inner);
                add<l>(v.q, q);
            });
        });
    }
    static void backward(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in, View<const T, In>,
                         View<const T, In> dq, View<T, In> dz, Cache& c, Params& grad) {
        with_fp_environment([&] {
            c.dq.resize(z.batch());
            c.d.resize(z.batch());
            std::ranges::fill(dz.span(), T(0));
            Layout::for_levels_backward([&](auto l) {
                auto& v = std::get<l>(c.level);
                if (!Layout::template split<l>(in, v.tokens)) return;  // J_l = 0: a level that was dropped
                // g = g + J_l^T (dq - g)
                Layout::subtract(dq, View<const T, In>{dz}, c.dq.view());
                Level<l>::backward(of_level<l>(w), input<l>(c, z), std::as_const(v.tokens), std::as_const(v.q),
                                   std::as_const(c.dq), c.d.view(), v.inner, std::get<Layout::set(l)>(grad.level));
                kernel::add<T>(dz.span(), std::as_const(c.d).span(), dz.span());
            });
        });
    }
    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in,
                            View<const T, In>, View<T, In> dz, Cache& c, Params& grad, double divisor) {
        Terms terms{};
        Layout::for_levels([&](auto l) {
            if constexpr (vq::Regularizes<Level<l>>) {
                auto& v = std::get<l>(c.level);
                if (!Layout::template split<l>(in, v.tokens)) return;
                auto part = vq::regularize<Level<l>>(
                    of_level<l>(w), input<l>(c, z), std::as_const(v.tokens), std::as_const(v.q), dz, v.inner,
                    std::get<Layout::set(l)>(grad.level), divisor * static_cast<double>(depth));
                vq::Terms<Level<l>>::each([](const ParamPath&, double& total,
                                             const double& term) { total += term / static_cast<double>(depth); },
                                          std::get<Layout::set(l)>(terms.level), part);
            }
        });
        return terms;
    }

    /// Each level sees what those before it leave in evaluation.
    static void pack_batch(View<const T, In> z, Packed& w, Cache& c) {
        with_fp_environment([&] {
            Layout::for_levels([&](auto l) {
                auto& v = resize_cache<l>(c, z.batch());
                const View<const T, In> r = rest<l>(c, z);
                if constexpr (Books == Codebooks::own)
                    vq::pack_batch<Level<l>>(r, std::get<l>(w.level), v.inner);
                else
                    interleave<l>(r, z.batch(), c.all_r);
                if constexpr (l + 1 < depth)
                    Level<l>::forward(of_level<l>(w), {}, r, v.tokens.view(), v.q.view(), v.inner);
            });
            if constexpr (Books == Codebooks::shared)
                vq::pack_batch<First>(std::as_const(c.all_r), w.level[0], std::get<0>(c.level).inner);
        });
    }

    // A shared codebook is shown one batch of depth times the samples: all levels of a sample, then the next sample, so
    // that processes that continue each other's statistics have the bits of one.
    static void observe(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> in,
                        const BatchPart& part, Rng rng, Cache& c, Statistics& statistics) {
        if constexpr ((vq::Observes<vq::BindQuantizer<Specs, In, T>> || ...)) {
            Layout::for_levels([&](auto l) {
                auto& v = resize_cache<l>(c, z.batch());
                const View<const T, In> r = rest<l>(c, z);
                Layout::template split<l>(in, v.tokens);
                if constexpr (Books == Codebooks::own) {
                    vq::observe<Level<l>>(of_level<l>(w), r, std::as_const(v.tokens), part, rng.split(l), v.inner,
                                          std::get<l>(statistics.level));
                } else {
                    interleave<l>(r, z.batch(), c.all_r);
                    interleave<l>(v.tokens, z.batch(), c.all_tokens);
                }
                if constexpr (l + 1 < depth)
                    Level<l>::lookup(of_level<l>(w), std::as_const(v.tokens), v.q.view(), v.inner);
            });
            if constexpr (Books == Codebooks::shared) {
                BatchPart all = part;
                all.first *= depth;
                all.samples *= depth;
                all.divisor *= depth;
                vq::observe<First>(w.level[0], std::as_const(c.all_r), std::as_const(c.all_tokens), all, rng.split(0),
                                   std::get<0>(c.level).inner, statistics.level[0]);
            }
        }
    }
    static void update(Params& p, Buffers& b, const Statistics& s, const Options& o) {
        Layout::for_sets([&](auto l) {
            vq::update<Level<l>>(std::get<l>(p.level), std::get<l>(b.level), std::get<l>(s.level), inner<l>(o));
        });
    }
    /// Each level is initialised from what those before it leave; a shared codebook from z.
    static void initialize_from_data(Params& p, Buffers& b, View<const T, In> z, const Options& o, Rng rng) {
        if constexpr ((vq::InitializesFromData<vq::BindQuantizer<Specs, In, T>> || ...)) {
            Cache c;
            Layout::for_sets([&](auto l) {
                auto& v = resize_cache<l>(c, z.batch());
                const View<const T, In> r = rest<l>(c, z);
                vq::initialize_from_data<Level<l>>(std::get<l>(p.level), std::get<l>(b.level), r, inner<l>(o),
                                                   rng.split(l));
                if constexpr (l + 1 < sets) {
                    typename Level<l>::Packed w;
                    Level<l>::pack(std::get<l>(p.level), std::get<l>(b.level), inner<l>(o), w);
                    Level<l>::forward(w, {}, r, v.tokens.view(), v.q.view(), v.inner);
                }
            });
        }
    }

    static bool optional_in_file(std::string_view leaf) {
        bool optional = false;
        Layout::for_sets([&](auto l) { optional |= vq::detail::optional_in_part<Level<l>>(leaf, l, sets); });
        return optional;
    }
    static void fill_missing(Params& p, Buffers& b, std::span<const std::string> missing) noexcept {
        Layout::for_sets([&](auto l) {
            vq::detail::fill_missing_part<Level<l>>(std::get<l>(p.level), std::get<l>(b.level), missing, l, sets);
        });
    }
    static void check_options(const Options& o) {
        Layout::for_sets([&](auto l) { tessera::check_options<Level<l>>(inner<l>(o)); });
        drop_levels(o).check_options("ResidualVq");
        const auto refuse_beam = [](const std::string& expected, std::size_t got) {
            throw ArgumentError("ResidualVq: beam: " + expected_got(expected, std::to_string(got)));
        };
        if (o.beam < 1 || o.beam > vq::detail::ResidualBeam<T>::most) refuse_beam("1 to 65536", o.beam);
        if (!searches && o.beam > 1) refuse_beam("1, because a level does not offer its nearest few tokens", o.beam);
    }
    /// Without `beam`, which does not change training.
    static std::vector<Setting> settings(const Options& o) {
        std::vector<Setting> all = drop_levels(o).settings();
        if constexpr (alike) {
            // A level that is composed of levels has the same names for its own options.
            std::vector<Setting> inner = settings_of<First>(o.inner);
            const bool nested =
                std::ranges::any_of(inner, [](const Setting& setting) { return setting.key.starts_with("residual."); });
            if (nested) inner = vq::settings_of_part<First>("level.", o.inner);
            std::ranges::move(inner, std::back_inserter(all));
        } else
            Layout::for_levels([&](auto l) {
                std::ranges::move(vq::settings_of_part<Level<l>>(std::to_string(l) + ".", inner<l>(o)),
                                  std::back_inserter(all));
            });
        return all;
    }
    static NamedValues metadata() {
        if constexpr (alike) {
            return vq::metadata_of_part<First>("level.");
        } else {
            NamedValues all;
            Layout::for_levels([&](auto l) {
                std::ranges::move(vq::metadata_of_part<Level<l>>(std::to_string(l) + "."), std::back_inserter(all));
            });
            return all;
        }
    }

private:
    template <std::size_t l>
    static const auto& inner(const Options& o) {
        if constexpr (alike)
            return o.inner;
        else
            return std::get<l>(o.inner);
    }
    template <std::size_t l>
    static const auto& of_level(const Packed& w) {
        return std::get<Layout::set(l)>(w.level);
    }

    static vq::DropLevels drop_levels(const auto& o) { return {.dropout = o.dropout, .keep = o.keep, .depth = depth}; }

    template <std::size_t l>
    static auto& resize_cache(Cache& c, std::size_t batch) {
        auto& v = std::get<l>(c.level);
        v.q.resize(batch);
        v.tokens.resize(batch);
        return v;
    }
    // Level l of each sample into a batch with all levels of a sample next to each other.
    template <std::size_t l, class Part, class All>
    static void interleave(const Part& part, std::size_t batch, All& all) {
        all.resize(batch * depth);
        for (std::size_t n = 0; n < batch; ++n) std::ranges::copy(part[n], all[n * depth + l].begin());
    }
    // r_l as it is in the cache; r_0 is z.
    template <std::size_t l>
    static View<const T, In> input(const Cache& c, View<const T, In> z) {
        if constexpr (l == 0)
            return z;
        else
            return std::get<l>(c.level).r;
    }
    // r_l, computed from r and q of the level before.
    template <std::size_t l>
    static View<const T, In> rest(Cache& c, View<const T, In> z) {
        if constexpr (l > 0) {
            std::get<l>(c.level).r.resize(z.batch());
            Layout::subtract(input<l - 1>(c, z), std::as_const(std::get<l - 1>(c.level).q),
                             std::get<l>(c.level).r.view());
        }
        return input<l>(c, z);
    }
    template <std::size_t l>
    static void add(const Tensor<T, In>& part, View<T, In> q) {
        if constexpr (l == 0)
            std::ranges::copy(part.span(), q.data());
        else
            kernel::add<T>(q.span(), part.span(), q.span());
    }
    // The tokens of the chain with the smallest rest.
    static void search(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                       View<T, In> q, Cache& c) {
        if (c.chains.size() < out.elements()) c.chains.resize(out.elements());
        c.beam.search(w.beam, last_dim<In>, Layout::vocabularies, z.span(), c.chains.data(),
                      [&](std::size_t at, std::span<const T> r, std::size_t count, std::span<Token> few,
                          std::span<T> of, Buffer<T>& scratch) {
                          Layout::for_levels([&](auto l) {
                              if (l == at) vq::nearest_few<Level<l>>(of_level<l>(w), r, count, few, of, scratch);
                          });
                      });
        std::copy_n(c.chains.data(), out.elements(), out.data());
        Layout::for_levels([&](auto l) {
            Layout::template split<l>(View<const Token, Shape<tokens>>{out}, std::get<l>(c.level).tokens);
            check_found(z.span(), std::as_const(std::get<l>(c.level).tokens).span(), pass.first * positions);
        });
        lookup(w, View<const Token, Shape<tokens>>{out}, q, c);
    }
};

namespace detail {
template <class Spec, std::size_t>
using Same = Spec;
template <StaticShape In, class Spec, Codebooks Books, std::floating_point T, std::size_t... l>
auto residual_of(std::index_sequence<l...>) -> ResidualVqQuantizer<In, Books, T, Same<Spec, l>...>;
}  // namespace detail

/// `ResidualVq<Codebook<512>, 4>`, `ResidualVq<Projected<8, Codebook<1024>>, 9>`,
/// `ResidualVq<Codebook<512>, 4, Codebooks::shared>`
template <class Spec, std::size_t Depth, Codebooks Books = Codebooks::own>
struct ResidualVq {
    static_assert(Depth > 0, "ResidualVq: at least one level");
    template <StaticShape In, std::floating_point T>
    using Bind = decltype(detail::residual_of<In, Spec, Books, T>(std::make_index_sequence<Depth>{}));
};

/// `ResidualVqOf<Codebook<512>, Codebook<256>>`: one spec for each level
template <class... Specs>
struct ResidualVqOf {
    static_assert(sizeof...(Specs) > 0, "ResidualVqOf: at least one level");
    template <StaticShape In, std::floating_point T>
    using Bind = ResidualVqQuantizer<In, Codebooks::own, T, Specs...>;
};

}  // namespace tessera
