#pragma once
// Figures in JSON, which has no numbers for infinity and NaN: they become the texts "inf", "-inf" and "nan" and back.
// Without this nlohmann::json writes null, which reads back as no number.

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace digits {

/// Replaces each number that is not finite by its name, at any depth.
template <class Json>
void name_non_finite(Json& value) {
    if (value.is_structured()) {
        for (auto& inner : value) name_non_finite(inner);
    } else if (value.is_number_float()) {
        const auto x = value.template get<double>();
        if (!std::isfinite(x)) value = std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
    }
}

/// The reverse, for values that have no other texts. The null of earlier versions becomes NaN.
template <class Json>
void read_non_finite(Json& value) {
    constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    if (value.is_structured()) {
        for (auto& inner : value) read_non_finite(inner);
    } else if (value.is_null()) {
        value = nan;
    } else if (value.is_string()) {
        const auto text = value.template get<std::string>();
        if (text == "inf") value = inf;
        if (text == "-inf") value = -inf;
        if (text == "nan") value = nan;
    }
}

}  // namespace digits
