#pragma once
// OptionHooksAreCallable: the optional members with which a quantizer or a loss describes itself and its Options.
//
//     name                      a std::string_view; files contain it, and those of another name are refused
//     check_options(options)    throws ArgumentError where an option is invalid
//     settings(options)         names and values of the options (core/setting.hpp); files keep them, and a resumed run
//                               compares them
//     metadata()                names and values that must agree with a file and do not show in its tensors' shapes
//
// A key may not be empty, nor be in settings and metadata twice; testing::check_quantizer and check_loss test it.
//
// check_options<Part>, settings_of<Part> and metadata_of<Part> call them, or do nothing where Part does not define
// them.
//
// Errors   static_assert where a member has one of these names but not the expected signature, or is not public

#include <tessera/core/setting.hpp>
#include <tessera/core/with_name.hpp>

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Names and values, as written to files.
using NamedValues = std::vector<std::pair<std::string, std::string>>;

template <class Part>
concept HasName = requires {
    std::string{*&Part::name};  // *& because an unevaluated operand may also be a member of each object
};

template <class Part>
concept ChecksOptions = requires(const typename Part::Options& options) {
    Part::check_options(options);
};

template <class Part>
concept HasSettings = requires(const typename Part::Options& options) {
    { Part::settings(options) } -> std::same_as<std::vector<Setting>>;
};

template <class Part>
concept HasMetadata = requires {
    { Part::metadata() } -> std::same_as<NamedValues>;
};

namespace detail {
struct OptionHookNames {
    int name, check_options, settings, metadata;
};
template <class Part>
inline constexpr bool names_name = !requires {
    &WithName<Part, OptionHookNames>::name;
};
template <class Part>
inline constexpr bool names_check_options = !requires {
    &WithName<Part, OptionHookNames>::check_options;
};
template <class Part>
inline constexpr bool names_settings = !requires {
    &WithName<Part, OptionHookNames>::settings;
};
template <class Part>
inline constexpr bool names_metadata = !requires {
    &WithName<Part, OptionHookNames>::metadata;
};
}  // namespace detail

template <class Part>
struct OptionHooksAreCallable {
    static_assert(!std::is_final_v<Part>,
                  "quantizer or loss: must not be final: its optional members could not be found");
    static_assert(!detail::names_name<Part> || HasName<Part>,
                  "name: expected `static constexpr std::string_view name`");
    static_assert(!detail::names_check_options<Part> || ChecksOptions<Part>,
                  "check_options: expected `static void check_options(const Options&)`");
    static_assert(!detail::names_settings<Part> || HasSettings<Part>,
                  "settings: expected `static std::vector<Setting> settings(const Options&)`");
    static_assert(!detail::names_metadata<Part> || HasMetadata<Part>,
                  "metadata: expected `static NamedValues metadata()`");
};

template <class Part>
void check_options(const typename Part::Options& options) {
    if constexpr (ChecksOptions<Part>) Part::check_options(options);
}

template <class Part>
[[nodiscard]] std::vector<Setting> settings_of(const typename Part::Options& options) {
    if constexpr (HasSettings<Part>)
        return Part::settings(options);
    else
        return {};
}

template <class Part>
[[nodiscard]] NamedValues metadata_of() {
    if constexpr (HasMetadata<Part>)
        return Part::metadata();
    else
        return {};
}

}  // namespace tessera
