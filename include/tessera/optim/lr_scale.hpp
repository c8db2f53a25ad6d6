#pragma once
// LrScale: a factor for the learning rate of a part of a model, as a parameter group of torch.optim with its own lr.
//
//     AdamW optimizer{vae, {.lr = 3e-4, .lr_scale = {{.part = "codebook", .scale = 10}}}};
//
// It applies to every leaf whose name is `part` or begins with it and a dot ("encoder.1" is not part of "encoder.10");
// where several apply, the longest. Like the rate itself, it scales the decoupled weight decay of AdamW too. 0 freezes
// a part. Schedules and set_lr change the rate of all parts together.
//
// Errors   ArgumentError, from the constructor of the optimiser, where no leaf has the name, where a part comes twice,
//          or where scale is not a finite number >= 0
// Cost     no allocation after the constructor

#include <tessera/core/error.hpp>
#include <tessera/core/number_text.hpp>
#include <tessera/core/param.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct LrScale {
    std::string part;
    double scale = 1;
};

namespace detail {
inline bool is_part(std::string_view part, std::string_view leaf) {
    return leaf.starts_with(part) && (leaf.size() == part.size() || leaf[part.size()] == '.');
}

/// "encoder.0, encoder.2": what there is in place of a part that matches no leaf, under the longest beginning of its
/// name that does match.
inline std::string parts_instead_of(std::string_view part, const std::vector<std::string>& leaves) {
    const auto exists = [&](std::string_view p) {
        return std::any_of(leaves.begin(), leaves.end(), [&](const std::string& leaf) { return is_part(p, leaf); });
    };
    while (!part.empty() && !exists(part)) {
        const std::size_t dot = part.rfind('.');
        part = part.substr(0, dot == std::string_view::npos ? 0 : dot);
    }
    std::string text;
    std::string_view last;
    for (const std::string& leaf : leaves) {
        if (!part.empty() && !is_part(part, leaf)) continue;
        const std::string_view child =
            std::string_view{leaf}.substr(0, leaf.find('.', part.empty() ? 0 : part.size() + 1));
        if (child == last) continue;
        last = child;
        (text += text.empty() ? "" : ", ") += child;
    }
    return text;
}

struct AddPath {
    std::vector<std::string>& to;

    template <class L>
    void operator()(const ParamPath& path, const L&) const {
        to.push_back(path.str());
    }
};

/// The factor of each leaf of P, in the order of `each`; empty where there is no LrScale.
template <Parameters P>
std::vector<double> scales_of_leaves(const char* where, const std::vector<LrScale>& scales, const P& params) {
    if (scales.empty()) return {};
    std::vector<std::string> leaves;
    P::each(AddPath{leaves}, params);
    std::vector<double> of_leaf(leaves.size(), 1.0);
    std::vector<std::size_t> longest(leaves.size());  // of the part that applies
    for (auto s = scales.begin(); s != scales.end(); ++s) {
        const std::string here = std::string{where} + ": lr_scale: " + s->part + ": ";
        if (!(s->scale >= 0 && std::isfinite(s->scale)))
            throw ArgumentError(here + expected_got("a finite number >= 0", number_text(s->scale)));
        if (std::any_of(scales.begin(), s, [&](const LrScale& other) { return other.part == s->part; }))
            throw ArgumentError(here + "expected each part once, got it twice");
        bool found = false;
        for (std::size_t i = 0; i < leaves.size(); ++i) {
            if (s->part.empty() || !is_part(s->part, leaves[i])) continue;
            found = true;
            if (s->part.size() < longest[i]) continue;
            longest[i] = s->part.size();
            of_leaf[i] = s->scale;
        }
        if (!found)
            throw ArgumentError(here + "expected a part of the parameters, such as " +
                                parts_instead_of(s->part, leaves) + "; no leaf has this name or begins with it");
    }
    return of_leaf;
}

/// "codebook 10, encoder.0 0.5", or "none": the setting that a file keeps.
inline std::string lr_scale_text(const std::vector<LrScale>& scales) {
    std::string text;
    for (const LrScale& s : scales) text += (text.empty() ? "" : ", ") + s.part + ' ' + number_text(s.scale);
    return text.empty() ? "none" : text;
}
}  // namespace detail

}  // namespace tessera
