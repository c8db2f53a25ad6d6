#pragma once
// Checks the options of a quantizer or a loss and the functions that describe them, for check_quantizer and check_loss.

#include <tessera/core/error.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/setting.hpp>

#include <concepts>
#include <exception>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::testing::detail {

/// One object can be the options of both parts.
template <class InFloat, class InDouble>
struct OneTypeOfOptions {
    static constexpr bool value = std::same_as<typename InFloat::Options, typename InDouble::Options>;
    static_assert(
        value, "check: options: this part has other Options for float than for double: pass a function that changes "
               "them, `[](auto& options) { options.weight = 2; }`, or declare Options outside of the bound template");
};

/// The default options, changed.
template <class Part, class Change>
typename Part::Options changed(Change& change) {
    typename Part::Options options{};
    change(options);
    return options;
}

// check_options accepts the options under test; settings is a function of them; no key of settings and metadata is
// empty, or there twice, or one of `reserved`, which the model writes itself.
template <class Part>
std::string check_part_options(const typename Part::Options& options,
                               std::initializer_list<std::string_view> reserved) {
    try {
        check_options<Part>(options);
    } catch (const std::exception& e) {
        return std::string{"check_options: expected that it accepts the options of this check, got "} + e.what();
    }
    const auto settings = settings_of<Part>(options);
    if (settings != settings_of<Part>(options)) return "settings: expected the same for the same options, got others";
    std::set<std::string> keys;
    const auto refused = [&](const std::string& key) -> std::string {
        const std::string which = "key \"" + key + "\": expected ";
        if (key.empty()) return which + "a name, got none";
        for (const std::string_view other : reserved)
            if (key == other) return which + "a key that VqVae does not write itself";
        if (!keys.insert(key).second) return which + "it once in settings and metadata together, got it twice";
        return "";
    };
    for (const Setting& setting : settings)
        if (const std::string why = refused(setting.key); !why.empty()) return "settings: " + why;
    for (const auto& [key, value] : metadata_of<Part>())
        if (const std::string why = refused(key); !why.empty()) return "metadata: " + why;
    return "";
}

}  // namespace tessera::testing::detail
