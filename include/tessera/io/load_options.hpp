#pragma once
// LoadOptions: what a host allows by name where a file and its models differ on purpose. LoadReport: what io::load did.
//
//     io::load(file, {.accept = {"clip_norm", "lr"}}, trainer);      these two settings stay the host's
//     io::load(file, {.prefix = "module."}, vae);                    names that a wrapper has prefixed
//     io::load(file, {.rename = {{"gpt.", "prior."}}}, prior);
//     io::load(file, {.allow_missing = {"prior.head"}}, prior);      fine-tuning: the head is not loaded
//     io::load(file, {.allow_missing = {"codebook", "codes"}}, vae);              with another size of the codebook
//     io::load(file, {.allow_missing = {"prior.0.token", "classes"}}, prior);     with other classes
//
// With renames, a tensor that none of them reads is an error if it has the first part of a name that one of them reads:
// "transformer.h.12.ln_1.weight" for a model of 12 layers. Other first parts are other models.
//
// Without options everything must agree. The name of a tensor or a setting includes everything below it: "prior.head"
// covers prior.head and prior.head.weight, but not prior.heads.

#include <tessera/core/abi.hpp>
#include <tessera/io/dtype.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

/// As an entry of a list of names: all names.
inline constexpr const char* everything = "";

/// Names in the file that begin with `from` are read as names that begin with `to` instead.
struct Rename {
    std::string from, to;
    /// Whether the matrices among them have their two axes the other way round in the file; there must be one.
    bool transposed = false;
    /// Tensors that may be in the file although no model has them, as an attention's mask.
    std::vector<std::string> constants{};
    /// Beginnings of names of tensors that repeat these, such as an output map that is tied to an embedding. They may
    /// be in the file, with the prefix or without, if they have the same bits.
    std::vector<std::string> copies{};
};

struct LoadOptions {
    /// Settings for which the host's value is kept, with the state that belongs to them, where it differs from the
    /// file's: "lr", "ema", "trainer" (all of a kind).
    std::vector<std::string> accept{};
    /// Removed from the names in the file; names without it are ignored.
    std::string prefix{};
    /// Applied after the prefix; the first match counts.
    std::vector<Rename> rename{};
    /// Tensors or metadata that may be missing in the file; a tensor with another shape counts as missing, and so do
    /// metadata with another value where they are named in full. The model keeps its own values for them.
    std::vector<std::string> allow_missing{};
    /// Tensors that may be in the file although no model has them.
    std::vector<std::string> allow_unused{};
    /// What a message says after a setting that differs, for a program with its own way to accept it; "" for nothing.
    /// Without a function: the C++ that accepts it.
    std::string (*remedy)(std::string_view key, std::string_view value) = nullptr;
};

struct LoadReport {
    struct Accepted {
        std::string name, file, host;  ///< the values as text; `file` is empty if the file does not say
    };
    struct Widened {
        std::string name;
        Dtype from;
    };

    std::vector<std::string> loaded;     ///< tensors, under the models' names
    std::vector<std::string> missing;    ///< leaves that were not in the file: unchanged, or computed by the model
    std::vector<std::string> unused;     ///< tensors that no model loaded, under the names in the file
    std::vector<std::string> unchecked;  ///< metadata and settings that the file does not have
    std::vector<Accepted> accepted;      ///< settings and metadata for which the host's value was kept
    std::vector<Widened> widened;        ///< tensors of F16, BF16 or F32 in a wider model
};

namespace detail {
/// True if `name` is `begin` or below it.
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
