#pragma once
// Codebook: vector quantization with K vectors of the encoder's width.
//
//     a(z) = argmin_k |z - e_k|^2, ties go to the lowest k;   q = e[a(z)]
//     dz = dq                                                 straight through
//     commitment: beta mean (z - q)^2                         moves the encoder only
//                                         (van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937, eqs. 1 to 3)
//
// `Codebook<512>` learns its vectors by exponential moving averages. Policies replace its parts: how the vectors learn,
// the distance, the gradient estimator, the selection in training, and further terms of the loss
// (vq/policy/policies.hpp): `Codebook<512, vq::Gradient, vq::RotationTrick>`.
//
// Shapes   z, q [batch, ... x D], tokens [batch, rows]; one token for each row of D elements
// Params   those of the learning policy. Codebook<K>: no parameters; buffers (saved, not optimised) "codebook.weight"
//          [K, D], "codebook.count" [K], "codebook.sum" [K, D], "codebook.grace" [K], see vq/codebook_state.hpp
// Errors   NumericError for a row with NaN, or so large that no vector is nearest; ArgumentError for an option that is
//          out of range, or that no policy reads; static_assert where K is 0 or not below 2^32 - 1, and where policies
//          do not fit together
// Cost     rows K D multiply-adds per sample for the search, a copy of D elements per row for the lookup; the update
//          reads every vector once
//
// Over 250 lines: one function for each member of the contract, with the policies' calls in it.

#include <tessera/core/fp_environment.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/vq/codebook_options.hpp>
#include <tessera/vq/detail/codebook_option_use.hpp>
#include <tessera/vq/detail/codebook_parts.hpp>
#include <tessera/vq/policy/ema.hpp>
#include <tessera/vq/policy/euclidean.hpp>
#include <tessera/vq/policy/nearest.hpp>
#include <tessera/vq/policy/policies.hpp>
#include <tessera/vq/policy/straight_through.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <StaticShape In, std::size_t K, std::floating_point T, class P = vq::Policies<>>
struct CodebookQuantizer {
    static constexpr std::size_t width = last_dim<In>, tokens = row_count<In>, codes = K;
    using Learning = typename P::template Find<vq::LearningPolicy, vq::Ema>::template Of<K, width, T>;
    using Distance = typename P::template Find<vq::DistancePolicy, vq::Euclidean>;
    using Estimator = typename P::template Find<vq::EstimatorPolicy, vq::StraightThrough>;
    using Selection = typename P::template Find<vq::SelectionPolicy, vq::Nearest>;
    static constexpr bool is_orthogonal = P::template has<vq::Orthogonal>, is_diverse = P::template has<vq::Diversity>;
    // NoTerm where the codebook has no such term
    using OrthogonalTerm =
        std::conditional_t<is_orthogonal, typename P::template Dependent<vq::Orthogonal>, vq::detail::NoTerm>;
    using DiversityTerm =
        std::conditional_t<is_diverse, typename P::template Dependent<vq::Diversity>, vq::detail::NoTerm>;
    using EstimatorWithCache = std::conditional_t<Estimator::selects, Estimator, vq::detail::NoTerm>;
    static constexpr bool estimator_fits = !Estimator::moves_vectors || Learning::by_gradient;
    static constexpr bool curve_fits = !Estimator::selects || (Learning::by_gradient && Learning::initializes &&
                                                               !Distance::normalises && !Selection::draws && (K >= 2));
    static constexpr bool orthogonal_fits =
        !is_orthogonal || (Learning::by_gradient && Learning::initializes && (K <= vq::detail::most_orthogonal_codes));
    // the size is that of a complete class, which the compiler has checked (vq/detail/codebook_parts.hpp)
    static_assert(sizeof(vq::detail::LearningIsWhole<vq::detail::LearnsVectors<Learning, T>>) > 0);
    static_assert(sizeof(vq::detail::EstimatorFitsLearning<estimator_fits>) > 0);
    static_assert(sizeof(vq::detail::CurveFitsLearning<curve_fits>) > 0);
    static_assert(sizeof(vq::detail::OrthogonalFits<orthogonal_fits>) > 0);
    static_assert(sizeof(vq::detail::TermsAreKnown<(P::term_count == is_orthogonal + is_diverse)>) > 0);

    static constexpr std::string_view name = Distance::normalises ? "CosineCodebook" : "Codebook";
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Options = CodebookOptions;
    using Params = typename Learning::Params;

    struct Buffers : Learning::Buffers {
        typename Selection::Buffers selection;
        typename DiversityTerm::template Buffers<K, T> diversity;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            Learning::Buffers::each(f, b...);
            Selection::Buffers::each(f, b.selection...);
            DiversityTerm::template Buffers<K, T>::each(f, b.diversity...);
        }
    };
    struct Statistics : Learning::Statistics {
        typename DiversityTerm::template Statistics<K> diversity;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            Learning::Statistics::each(f, s...);
            DiversityTerm::template Statistics<K>::each(f, s.diversity...);
        }
    };
    struct Packed {
        PackedCodes<T> codes;
        T commitment = 0, codebook = 0;
        bool revives = false;
        double temperature = 1, noise = 0;
        typename Learning::Packed learning;
        Buffer<double> inverse_norm;  // 1 / |e_k|, where the distance normalises and the vectors have a gradient
        typename OrthogonalTerm::template Packed<T> orthogonal;
        typename DiversityTerm::template Packed<T> diversity;
    };
    struct Cache {
        Buffer<T> x, dx;              // where the distance normalises
        Buffer<double> inverse_norm;  // likewise
        Buffer<T> e, de;              // the chosen vectors, and their gradient
        Buffer<T> scores;             // where the selection draws
        typename Learning::Cache learning;
        typename EstimatorWithCache::template Cache<T> estimator;
        typename DiversityTerm::template Cache<T> diversity;
    };
    struct Terms {
        double codebook = 0, commitment = 0, diversity = 0;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            if constexpr (has_codebook_term) f("codebook", s.codebook...);
            if constexpr (!Estimator::moves_vectors) f("commitment", s.commitment...);
            if constexpr (is_diverse) f("diversity", s.diversity...);
        }
    };

    static void init(Params& params, Buffers& buffers, Rng& rng) {
        Learning::init(params, buffers, rng);
        if constexpr (is_diverse) buffers.diversity.mean.fill(static_cast<T>(1.0 / static_cast<double>(K)));
    }
    static void pack(const Params& params, const Buffers& buffers, const Options& options, Packed& w) {
        with_fp_environment([&] {
            w.codes.pack(K, width, [&](std::span<T> e) {
                Learning::vectors(params, buffers, options, w.learning, e);
                if constexpr (is_orthogonal)
                    w.orthogonal.pack(K, width, e.data(), static_cast<double>(options.orthogonal));
                if constexpr (Distance::normalises) {
                    w.inverse_norm.resize(K);
                    for (std::size_t k = 0; k < K; ++k)
                        w.inverse_norm[k] = Distance::normalise_row(width, e.data() + k * width, e.data() + k * width);
                }
            });
            if constexpr (is_diverse)
                w.diversity.pack(buffers.diversity, width, w.codes.weight.data(), options.diversity);
        });
        w.commitment = T(vq::detail::commitment_of(options, Learning::by_gradient));
        w.codebook = T(options.codebook);
        w.revives = Learning::revives && !Estimator::selects && !options.freeze && options.revive.below > 0;
        w.noise = options.noise;
        if constexpr (Selection::draws) w.temperature = Selection::temperature(buffers.selection, options.sampling);
    }

    static void forward(const Packed& w, const nn::Pass& pass, View<const T, In> z, View<Token, Shape<tokens>> out,
                        View<T, In> q, Cache& cache) {
        const std::size_t first = pass.first * tokens;
        if constexpr (plain) {
            quantize<T>(w.codes, z.span(), out.span(), q.span(), first);
        } else {
            with_fp_environment([&] {
                const std::span<const T> x = rows(z, cache);
                if (pass.training && Estimator::selects) {
                    if constexpr (Estimator::selects)
                        Estimator::forward(K, width, w.codes.weight.data(), pass, tokens, w.noise, x, out.span(),
                                           q.span(), cache.estimator);
                    return check_found(z.span(), std::span<const Token>{out.span()}, first);
                }
                if (pass.training && Selection::draws) {
                    if constexpr (Selection::draws)
                        Selection::draw(w.codes.panels, w.temperature, x, tokens, pass.rng.split(1), pass.first,
                                        out.span(), cache.scores);
                } else {
                    nearest_tokens(w.codes, x, out.span(), 0, out.span().size());
                }
                check_found(z.span(), std::span<const Token>{out.span()}, first);
                lookup_tokens(w.codes, std::span<const Token>{out.span()}, q.span());
                if constexpr (Estimator::changes_output && !Estimator::selects)
                    if (pass.training)
                        for (std::size_t m = 0; m < out.span().size(); ++m)
                            Estimator::training_row(width, x.data() + m * width, vector_of(w, out.data()[m]),
                                                    pass.rng.split(2).split(first + m), w.noise, q.data() + m * width);
            });
        }
    }
    static void lookup(const Packed& w, View<const Token, Shape<tokens>> in, View<T, In> q, Cache&) {
        lookup_tokens<T>(w.codes, in.span(), q.span());
    }
    static void encode_rows(const Packed& w, View<const T, In> z, View<Token, Shape<tokens>> out, std::size_t first,
                            std::size_t last) {
        if constexpr (Distance::normalises) {
            with_fp_environment([&] {
                std::array<T, width> row;
                for (std::size_t m = first; m < last; ++m) {
                    Distance::normalise_row(width, z.data() + m * width, row.data());
                    nearest_tokens<T>(w.codes, row, {out.data() + m, 1}, 0, 1);
                }
            });
        } else {
            nearest_tokens<T>(w.codes, z.span(), out.span(), first, last);
        }
    }

    static void backward(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen,
                         View<const T, In> q, View<const T, In> dq, View<T, In> dz, Cache& cache, Params& grad) {
        if constexpr (straight_through_estimator && !Distance::normalises) {
            straight_through<T>(chosen.span(), dq.span(), dz.span());
        } else {
            with_fp_environment([&] {
                const std::span<const T> x = rows(z, cache);
                if constexpr (Estimator::moves_vectors) cache.de.resize(z.span().size());
                if constexpr (straight_through_estimator)
                    std::ranges::copy(dq.span(), dz.data());
                else if constexpr (Estimator::selects)
                    Estimator::backward(width, w.codes.weight.data(), w.noise, x, chosen.span(), dq.span(), dz.span(),
                                        std::span<T>{cache.de}, cache.estimator);
                else
                    for (std::size_t m = 0; m < chosen.span().size(); ++m) {
                        if (chosen.data()[m] == no_token) continue;
                        const std::size_t at = m * width;
                        Estimator::backward_row(width, x.data() + at, vector_of(w, chosen.data()[m]), q.data() + at,
                                                dq.data() + at, dz.data() + at,
                                                Estimator::moves_vectors ? cache.de.data() + at : nullptr);
                    }
                if constexpr (Estimator::moves_vectors)
                    add_gradient(w, chosen.span(), std::span<T>{cache.de}, cache, grad);
                if constexpr (Estimator::selects)
                    add_gradient(w, std::span<const Token>{cache.estimator.next}, std::span<T>{cache.estimator.de_next},
                                 cache, grad);
                zero_absent<T>(chosen.span(), 1, dz.span());
                if constexpr (Distance::normalises)
                    for (std::size_t m = 0; m < chosen.span().size(); ++m)
                        Distance::backward_row(width, x.data() + m * width, dz.data() + m * width,
                                               cache.inverse_norm[m], dz.data() + m * width);
            });
        }
    }

    static Terms regularize(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen,
                            View<const T, In> q, View<T, In> dz, Cache& cache, Params& grad, double divisor) {
        const double elements = divisor * static_cast<double>(In::size);
        Terms terms;
        if constexpr (plain) {
            const double sum = add_commitment<T>(z.span(), chosen.span(), q.span(), dz.span(),
                                                 T(2) * w.commitment * static_cast<T>(1.0 / elements));
            terms.commitment = static_cast<double>(w.commitment) * sum / static_cast<double>(In::size);
        } else {
            with_fp_environment([&] {
                const std::span<const T> x = rows(z, cache);
                std::span<T> dx = dz.span();
                if constexpr (Distance::normalises) {
                    cache.dx.resize(dz.span().size());
                    dx = std::span<T>{cache.dx}.first(dz.span().size());
                    std::ranges::fill(dx, T(0));
                }
                if constexpr (!Estimator::moves_vectors) {
                    const double sum = add_commitment<T>(x, chosen.span(), q.span(), dx,
                                                         T(2) * w.commitment * static_cast<T>(1.0 / elements));
                    terms.commitment = static_cast<double>(w.commitment) * sum / static_cast<double>(In::size);
                    if constexpr (Learning::by_gradient) {
                        cache.de.resize(x.size());
                        const T scale = T(2) * w.codebook * static_cast<T>(1.0 / elements);
                        for (std::size_t i = 0; i < x.size(); ++i) cache.de[i] = scale * (q.data()[i] - x[i]);
                        add_gradient(w, chosen.span(), std::span<T>{cache.de}, cache, grad);
                        terms.codebook = static_cast<double>(w.codebook) * sum / static_cast<double>(In::size);
                    }
                }
                if constexpr (is_orthogonal) add_orthogonal(w, chosen, divisor, grad, terms);
                if constexpr (is_diverse)
                    terms.diversity = DiversityTerm::template add_gradient<T>(
                                          w.diversity, w.codes.panels, x, chosen.span(),
                                          1 / (divisor * static_cast<double>(tokens)), dx, cache.diversity) /
                                      static_cast<double>(tokens);
                if constexpr (Distance::normalises)
                    for (std::size_t m = 0; m < chosen.span().size(); ++m) {
                        T* const row = dx.data() + m * width;
                        Distance::backward_row(width, x.data() + m * width, row, cache.inverse_norm[m], row);
                        for (std::size_t i = 0; i < width; ++i) dz.data()[m * width + i] += row[i];
                    }
            });
        }
        return terms;
    }

    static void observe(const Packed& w, View<const T, In> z, View<const Token, Shape<tokens>> chosen,
                        const BatchPart& part, Rng rng, Cache& cache, Statistics& statistics) {
        const std::span<const T> x = rows(z, cache);
        Learning::observe(w.learning, x, chosen.span(), tokens, part, rng, w.revives, cache.learning, statistics);
        if constexpr (is_diverse)
            with_fp_environment([&] {
                DiversityTerm::template observe<K, T>(w.diversity, w.codes.panels, x, chosen.span(),
                                                      statistics.diversity, cache.diversity);
            });
    }
    static void update(Params& params, Buffers& buffers, const Statistics& statistics, const Options& options) {
        Learning::update(params, buffers, statistics, options);
        if constexpr (Selection::draws) buffers.selection.updates[0] += 1;
        if constexpr (is_diverse)
            with_fp_environment(
                [&] { DiversityTerm::update(buffers.diversity, statistics.diversity, options.diversity); });
    }
    static void initialize_from_data(Params& params, Buffers& buffers, View<const T, In> z, const Options& o, Rng rng) {
        Cache cache;
        Learning::initialize_from_data(params, buffers, rows(z, cache), o, rng);
        if constexpr (Estimator::selects)
            if (o.kmeans) Estimator::order(K, width, params.weight.data());
    }
    static bool optional_in_file(std::string_view leaf) {
        return Learning::optional_in_file(leaf) || leaf == "diversity.mean" || leaf == "selection.updates";
    }
    static void fill_missing(Params& params, Buffers& buffers, std::span<const std::string> missing) noexcept {
        Learning::fill_missing(params, buffers, missing);
        const auto lacks = [&](std::string_view leaf) { return std::ranges::find(missing, leaf) != missing.end(); };
        if constexpr (is_diverse)
            if (lacks("diversity.mean")) buffers.diversity.mean.fill(static_cast<T>(1.0 / static_cast<double>(K)));
        if constexpr (Selection::draws)
            if (lacks("selection.updates")) buffers.selection.updates[0] = 0;
    }

    static std::vector<Setting> settings(const Options& o) { return vq::detail::codebook_settings(o, uses); }
    /// Throws ArgumentError for an option out of range, or one that no policy reads and that is not the default.
    static void check_options(const Options& o) { vq::detail::check_codebook_options(o, uses); }

private:
    static constexpr vq::detail::OptionUse uses{.terms = !Estimator::moves_vectors,
                                                .gradient = Learning::by_gradient,
                                                .averages = Learning::averages,
                                                .counts =
                                                    Learning::averages || (Learning::revives && !Estimator::selects),
                                                .revival = Learning::revives && !Estimator::selects,
                                                .kmeans = Learning::initializes,
                                                .orthogonal = is_orthogonal,
                                                .diversity = is_diverse,
                                                .sampling = Selection::draws,
                                                .noise = Estimator::changes_output};
    static constexpr bool straight_through_estimator = std::same_as<Estimator, vq::StraightThrough>;
    static constexpr bool has_codebook_term = Learning::by_gradient && (!Estimator::moves_vectors || is_orthogonal);
    // The Codebook of the paper: nothing here costs it anything.
    static constexpr bool plain = !Learning::by_gradient && !Distance::normalises && straight_through_estimator &&
                                  !Selection::draws && !is_orthogonal && !is_diverse;

    // The rows that the search compares: those of z, or their directions.
    static std::span<const T> rows(View<const T, In> z, [[maybe_unused]] Cache& cache) {
        if constexpr (!Distance::normalises) {
            return z.span();
        } else {
            const FlushDenormals guard;
            const std::size_t count = z.batch() * tokens;
            if (cache.x.size() < count * width) {
                cache.inverse_norm.resize(count);
                cache.x.resize(count * width);  // last, where an allocation may fail: it says whether both have room
            }
            for (std::size_t m = 0; m < count; ++m)
                cache.inverse_norm[m] =
                    Distance::normalise_row(width, z.data() + m * width, cache.x.data() + m * width);
            return std::span<const T>{cache.x}.first(count * width);
        }
    }
    static const T* vector_of(const Packed& w, Token token) {
        return w.codes.weight.data() + std::size_t{token} * width;
    }
    // The gradient of the vectors that were chosen; de is overwritten where the distance normalises.
    static void add_gradient(const Packed& w, std::span<const Token> chosen, std::span<T> de, Cache& cache,
                             Params& grad) {
        if constexpr (Distance::normalises)
            for (std::size_t m = 0; m < chosen.size(); ++m)
                if (chosen[m] != no_token)
                    Distance::backward_row(width, vector_of(w, chosen[m]), de.data() + m * width,
                                           w.inverse_norm[chosen[m]], de.data() + m * width);
        Learning::add_gradient(w.learning, chosen, std::span<const T>{de}.first(chosen.size() * width), cache.learning,
                               grad);
    }
    // Each sample with a token contributes the whole term.
    static void add_orthogonal(const Packed& w, View<const Token, Shape<tokens>> chosen, double divisor, Params& grad,
                               Terms& terms) {
        std::size_t samples = 0;
        for (std::size_t n = 0; n < chosen.batch(); ++n)
            samples += std::ranges::any_of(chosen[n], [](Token t) { return t != no_token; }) ? 1 : 0;
        terms.codebook += static_cast<double>(samples) * w.orthogonal.value;
        const T scale = static_cast<T>(static_cast<double>(samples) / divisor);
        for (std::size_t i = 0; i < K * width; ++i)
            grad.weight[i] = kernel::simd::fma<T>(scale, w.orthogonal.de[i], grad.weight[i]);
    }
};

/// The quantizer spec of a VqVae: `Codebook<512>`, `Codebook<512, vq::Gradient>`. The width comes from the encoder.
template <std::size_t K, class... P>
struct Codebook {
    static_assert(K > 0 && K < no_token, "Codebook: at least one vector, and fewer than 2^32 - 1: a token has 32 bits");
    template <StaticShape In, std::floating_point T>
    using Bind = CodebookQuantizer<In, K, T, vq::Policies<P...>>;
};

}  // namespace tessera
