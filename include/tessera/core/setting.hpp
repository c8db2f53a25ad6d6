#pragma once
// Setting: a number of options that a file keeps next to the weights, so that a run which is resumed with another one
// is told. A model, an optimiser or a trainer gives a list of them by settings(); io::load compares it.
//
//     {"clip_norm", number_text(options_.clip_norm)}
//     {"lr", number_text(options_.lr), {"adam.lr"}}      the state that goes with the number
//
// What no option can change in mid-run (heads, classes, the optimiser's rule) is metadata() and no setting.

#include <tessera/core/number_text.hpp>

#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct Setting {
    std::string key;
    std::string value;
    /// Names of leaves, or their beginnings. When a host keeps its own value (io::LoadOptions::accept), it keeps these
    /// too: the rate of the next step, a half-filled accumulation.
    std::vector<std::string> leaves{};

    friend bool operator==(const Setting&, const Setting&) = default;
};

}  // namespace tessera
