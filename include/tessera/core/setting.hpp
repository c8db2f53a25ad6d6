#pragma once
// Setting: a number of options that a file keeps next to the weights, so that a run which is resumed with
// another one is told. A model, an optimiser or a trainer gives a list of them by settings(); io::load
// compares it.
//
//     {"clip_norm", number_text(options_.clip_norm)}
//     {"lr", number_text(options_.lr), {"adam.lr"}}      the state that goes with the number
//
// What no option can change in mid-run (heads, classes, the optimiser's rule) is metadata() and no setting.

#include <tessera/core/abi.hpp>

#include <charconv>
#include <concepts>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct Setting {
    std::string key;
    std::string value;
    /// Names of leaves, or their beginnings. When a host keeps its own value (io::LoadOptions::accept), it
    /// keeps these too: the rate of the next step, a half-filled accumulation.
    std::vector<std::string> leaves{};
};

namespace detail {
/// The shortest text that gives the same number back, in every locale; "true" and "false".
template <class T>
    requires std::floating_point<T> || std::integral<T> std::string number_text(T x) {
        if constexpr (std::same_as<T, bool>) {
            return x ? "true" : "false";
        } else {
            char text[32];
            return {text, std::to_chars(text, text + sizeof text, x).ptr};
        }
    }
}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
