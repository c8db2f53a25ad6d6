#pragma once
// Setting: an option that a file keeps next to the weights, so that a resumed run notices when it differs.
//
//     {"clip_norm", number_text(options_.clip_norm)}
//     {"lr", number_text(options_.lr), {"adam.lr"}}      with the state that belongs to the option
//
// A model, an optimiser or a trainer lists its settings in settings(), and io::load compares them with the file. What
// no option can change during a run (heads, classes, the optimiser's rule) belongs in metadata() instead. In a file a
// key has the kind of the model in front ("tessera.vq_vae.commitment") and no other prefix, but "loss." for a loss.

#include <tessera/core/number_text.hpp>

#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct Setting {
    std::string key;
    std::string value;
    /// Names of leaves, or prefixes of them. When a host keeps its own value (io::LoadOptions::accept), it keeps these
    /// leaves too: the learning rate of the next step, a half-filled accumulation.
    std::vector<std::string> leaves{};
    /// The model learns the host's value after a load and compares it then, with a leaf that was loaded: a file has no
    /// metadata for it. It is listed so that `accept` can name it; the model is then told (`accepted`,
    /// io/stateful.hpp). Its leaf is loaded in any case; `value` says in a report what is kept.
    bool compared_later = false;
    /// Then the texts for a report of 0, 1, ... in its leaf, a std::uint64_t; another number: it is not known. Empty
    /// where the number itself is the text.
    std::vector<std::string> texts{};

    friend bool operator==(const Setting&, const Setting&) = default;
};

}  // namespace tessera
