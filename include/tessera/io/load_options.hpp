#pragma once
// LoadOptions: what a host asks for by name when a file and its models differ on purpose. LoadReport: what
// io::load did.
//
//     io::load(file, trainer, {.accept = {"clip_norm", "lr"}});      these two stay the host's
//     io::load(file, vae, {.prefix = "module."});                    names that a wrapper has made longer
//     io::load(file, prior, {.rename = {{"gpt.", "prior."}}});
//     io::load(file, prior, {.allow_missing = {"prior.head"}});      fine-tuning: the head stays as it is
//
// Without options everything must agree. Names of tensors and settings include all that is below them:
// "prior.head" is prior.head and prior.head.weight, but not prior.heads.

#include <tessera/core/abi.hpp>
#include <tessera/io/dtype.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

/// In a list of names: all of them.
inline constexpr const char* everything = "";

/// Names of the file that begin with `from` are taken for names that begin with `to`.
struct Rename {
    std::string from, to;
};

struct LoadOptions {
    /// Settings that stay the host's, with the state that goes with them: "lr", "ema", "trainer" (all of a
    /// kind).
    std::vector<std::string> accept{};
    /// Left off the file's names; names without it are not looked at.
    std::string prefix{};
    /// After the prefix; the first that fits.
    std::vector<Rename> rename{};
    /// Tensors or metadata that the file may lack; a tensor of another shape counts as none. What is missing
    /// stays as it is in the model.
    std::vector<std::string> allow_missing{};
    /// Tensors that the file may have and no model.
    std::vector<std::string> allow_unused{};
};

struct LoadReport {
    struct Accepted {
        std::string name, file, host;  ///< values as text; file: empty where the file has none
    };
    struct Widened {
        std::string name;
        Dtype from;
    };

    std::vector<std::string> taken;      ///< tensors, under the models' names
    std::vector<std::string> missing;    ///< kept as they were, or made anew by the model
    std::vector<std::string> unused;     ///< tensors that no model took, under the file's names
    std::vector<std::string> unchecked;  ///< metadata and settings of which the file says nothing
    std::vector<Accepted> accepted;
    std::vector<Widened> widened;  ///< F16, BF16 or F32 in a wider model
};

namespace detail {
/// Is `name` below `begin`, or `begin` itself?
inline bool is_below(std::string_view name, std::string_view begin) {
    if (begin.empty()) return true;
    if (!name.starts_with(begin)) return false;
    return name.size() == begin.size() || begin.back() == '.' || name[begin.size()] == '.';
}
inline bool is_below_any(std::string_view name, const std::vector<std::string>& begins) {
    for (const std::string& begin : begins)
        if (is_below(name, begin)) return true;
    return false;
}
}  // namespace detail

}  // namespace tessera::io
