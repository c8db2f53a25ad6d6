#pragma once
// Which of the CodebookOptions the policies of a codebook read; its settings and the check of its options.

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/vq/codebook_options.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq::detail {

struct OptionUse {
    bool terms, gradient, averages, counts, revival, kmeans, orthogonal, diversity, sampling, noise;
};

/// beta, where the host has chosen none
inline float default_commitment(bool by_gradient) { return by_gradient ? 0.02f : 0.25f; }
inline float commitment_of(const CodebookOptions& o, bool by_gradient) {
    return o.commitment.value_or(default_commitment(by_gradient));
}

/// f(name, value, whether a policy reads it, whether it is the default)
template <class F>
void for_codebook_options(const CodebookOptions& o, const OptionUse& use, F f) {
    const CodebookOptions d;
    const auto option = [&](const char* what, auto value, auto usual, bool is_read) {
        f(what, value, is_read, !(value < usual) && !(usual < value));
    };
    f("commitment", commitment_of(o, use.gradient), use.terms, !o.commitment);
    option("ema.decay", o.ema.decay, d.ema.decay, use.counts);
    option("ema.eps", o.ema.eps, d.ema.eps, use.averages);
    option("revive.below", o.revive.below, d.revive.below, use.revival);
    option("revive.grace", o.revive.grace, d.revive.grace, use.revival);
    option("revive.least_recently_used", o.revive.least_recently_used, d.revive.least_recently_used, use.revival);
    option("revive.rate", o.revive.rate, d.revive.rate, use.revival);
    option("kmeans", o.kmeans, d.kmeans, use.kmeans);
    option("codebook", o.codebook, d.codebook, use.terms && use.gradient);
    option("orthogonal", o.orthogonal, d.orthogonal, use.orthogonal);
    option("diversity.weight", o.diversity.weight, d.diversity.weight, use.diversity);
    option("diversity.temperature", o.diversity.temperature, d.diversity.temperature, use.diversity);
    option("diversity.decay", o.diversity.decay, d.diversity.decay, use.diversity);
    option("sampling.start", o.sampling.start, d.sampling.start, use.sampling);
    option("sampling.end", o.sampling.end, d.sampling.end, use.sampling);
    option("sampling.steps", o.sampling.steps, d.sampling.steps, use.sampling);
    option("noise", o.noise, d.noise, use.noise);
}

inline std::vector<Setting> codebook_settings(const CodebookOptions& o, const OptionUse& use) {
    std::vector<Setting> all;
    for_codebook_options(o, use, [&](const char* what, auto value, bool is_read, bool) {
        if (is_read) all.push_back({what, number_text(value)});
    });
    return all;
}

/// Throws ArgumentError. Each condition is false for NaN.
inline void check_codebook_options(const CodebookOptions& o, const OptionUse& use) {
    const auto demand = [](bool good, const char* what, const char* expected, auto got) {
        if (!good)
            throw ArgumentError("Codebook: " + std::string{what} + ": " + expected_got(expected, number_text(got)));
    };
    const auto not_negative = [&](const char* what, auto x) {
        demand(x >= 0 && std::isfinite(x), what, "a finite number >= 0", x);
    };
    const auto positive = [&](const char* what, double x) {
        demand(x >= 1e-30 && std::isfinite(x), what, "a finite number >= 1e-30", x);
    };
    not_negative("commitment", commitment_of(o, use.gradient));
    demand(o.ema.decay >= 0 && o.ema.decay < 1, "ema.decay", "a number in [0, 1)", o.ema.decay);
    not_negative("ema.eps", o.ema.eps);
    demand(o.revive.below >= 0 && o.revive.below <= 1, "revive.below", "a number in [0, 1]", o.revive.below);
    demand(o.revive.rate >= 0 && o.revive.rate <= 1, "revive.rate", "a number in [0, 1]", o.revive.rate);
    not_negative("codebook", o.codebook);
    not_negative("orthogonal", o.orthogonal);
    not_negative("diversity.weight", o.diversity.weight);
    positive("diversity.temperature", o.diversity.temperature);
    demand(o.diversity.decay >= 0 && o.diversity.decay < 1, "diversity.decay", "a number in [0, 1)", o.diversity.decay);
    positive("sampling.start", o.sampling.start);
    positive("sampling.end", o.sampling.end);
    not_negative("noise", o.noise);
    for_codebook_options(o, use, [&](const char* what, auto value, bool is_read, bool is_default) {
        demand(is_read || is_default, what, "the default, because no policy of this codebook reads it", value);
    });
    demand(!o.freeze || use.averages, "freeze", "false, because these vectors have no moving averages", o.freeze);
}

}  // namespace tessera::vq::detail
