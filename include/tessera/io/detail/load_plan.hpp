#pragma once
// LoadPlan: compares what models need with what a file has, and finds the source of each leaf. All mismatches are
// reported at once, before any model changes. Metadata and settings come first: with another setting many leaves may
// differ, and these are not listed.

#include <tessera/core/error.hpp>
#include <tessera/io/detail/file_names.hpp>
#include <tessera/io/detail/mismatches.hpp>
#include <tessera/io/detail/unread_by_renames.hpp>
#include <tessera/io/load_options.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/stateful.hpp>

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io::detail {

/// True if `to` represents every number of `from` exactly and is wider.
constexpr bool is_wider(Dtype to, Dtype from) {
    const bool half = from == Dtype::f16 || from == Dtype::bf16;
    return (to == Dtype::f32 && half) || (to == Dtype::f64 && (half || from == Dtype::f32));
}

template <class File>
class LoadPlan {
public:
    LoadPlan(const File& file, const std::vector<Leaf>& leaves, const std::vector<MetadataField>& fields,
             const LoadOptions& options)
        : file_{file}, options_{options}, names_{file, options}, leaves_{leaves}, fields_{fields} {
        check_options();
        compare_fields();
        compare_leaves();
        find_unused();
        throw_mismatches();
    }

    LoadReport report;
    struct Source {
        const TensorInfo* tensor = nullptr;  ///< none: the leaf is not loaded
        bool transposed = false;
    };
    std::vector<Source> sources;  ///< of each leaf
    /// FormatError where a tensor does not have the bits of the one that it must repeat.
    void check_copies(File& file) const { unread_.check_copies(file); }
    std::string remedy(const MetadataField& field) const {
        const std::string text = options_.remedy
                                     ? options_.remedy(field.key, field.value)
                                     : "LoadOptions{.accept = {\"" + field.key + "\"}} keeps " + field.value;
        return text.empty() ? "" : "; " + text;
    }
    bool is_accepted(const MetadataField& field) const { return field.is_setting && is_named(field, options_.accept); }

private:
    static bool is_named(const MetadataField& field, std::string_view entry) {
        return is_below(field.key, entry) || is_below(field.qualified(), entry);
    }
    static bool is_named(const MetadataField& field, const std::vector<std::string>& entries) {
        for (const std::string& entry : entries)
            if (is_named(field, entry)) return true;
        return false;
    }
    /// Does the host keep this leaf? Only where the setting that it belongs to is accepted and differs: a resumed run
    /// that accepts a setting which agrees anyway must go on as the file says. Whether one that is compared later
    /// differs is not known yet: its leaf is loaded, and the model told.
    bool is_kept(std::string_view leaf) const {
        for (const MetadataField& field : fields_)
            if (is_accepted(field) && !field.compared_later && is_below_any(leaf, field.leaves) &&
                file_.metadata(field.in_file()) != field.value)
                return true;
        return false;
    }
    /// Does this leaf belong to a setting that is a mismatch already?
    bool is_of_difference(std::string_view leaf) const {
        for (const MetadataField* field : differing_)
            if (is_below_any(leaf, field->leaves)) return true;
        return false;
    }
    /// True if the models have a leaf or a field with this name or below it.
    bool is_known(const std::string& entry) const {
        for (const Leaf& leaf : leaves_)
            if (is_below(leaf.name, entry)) return true;
        for (const MetadataField& field : fields_)
            if (is_named(field, entry)) return true;
        return false;
    }

    /// A name that matches nothing is a mistake of the host, and may hide one in the file.
    void check_options() const {
        for (const std::string& entry : options_.accept) {
            if (entry.empty()) continue;
            std::string settings;
            bool setting = false, other = false;
            for (const MetadataField& field : fields_) {
                (field.is_setting ? setting : other) |= is_named(field, entry);
                if (field.is_setting) settings += (settings.empty() ? "" : ", ") + field.key;
            }
            if (setting) continue;
            if (other)
                throw ArgumentError("io::load: accept: " + printable(entry) +
                                    " is not a setting: it must agree with the file");
            throw ArgumentError("io::load: accept: no setting is called " + printable(entry) + ": " +
                                (settings.empty() ? "the models have none" : "the models have " + settings));
        }
        for (const std::string& entry : options_.allow_missing)
            if (!is_known(entry))
                throw ArgumentError("io::load: allow_missing: no tensor or metadata of the models is called " +
                                    printable(entry));
    }

    void compare_leaves() {
        for (const Leaf& leaf : leaves_) {
            Source& source = sources.emplace_back();
            if (is_kept(leaf.name) || is_of_difference(leaf.name)) continue;
            const TensorInfo* tensor = names_.find(leaf.name);
            const bool fits = tensor && names_.shape(*tensor) == leaf.shape;
            if (!fits && (is_below_any(leaf.name, options_.allow_missing) || (!tensor && leaf.optional))) {
                report.missing.push_back(leaf.name);
            } else if (!tensor) {
                missing_ = true;
                add_missing(leaf);
            } else if (!fits) {
                mismatches_.add(leaf.name + ": expected " + shape_text(leaf.shape) + ", file has " +
                                shape_text(names_.shape(*tensor)) +
                                (names_.is_transposed(tensor) ? " after its transposition" : ""));
            } else if (tensor->dtype != leaf.dtype && !is_wider(leaf.dtype, tensor->dtype)) {
                mismatches_.add(leaf.name + ": expected " + std::string{info(leaf.dtype).name} + ", file has " +
                                std::string{info(tensor->dtype).name} +
                                (is_wider(tensor->dtype, leaf.dtype) ? ", which would have to be rounded" : ""));
            } else {
                source = {tensor, names_.is_transposed(tensor)};
                report.loaded.push_back(leaf.name);
                if (tensor->dtype != leaf.dtype) report.widened.push_back({leaf.name, tensor->dtype});
            }
        }
    }
    bool needs(std::string_view name) const {
        for (const Leaf& leaf : leaves_)
            if (leaf.name == name) return true;
        return false;
    }
    void add_missing(const Leaf& leaf) {
        const auto* other = mismatches_.full() ? nullptr : names_.closest(leaf.name);
        if (other && needs(other->first)) other = nullptr;
        mismatches_.add(
            leaf.name + ": expected " + shape_text(leaf.shape) + ", missing in the file" +
            (other ? ", which has " + printable(other->first) + ' ' + shape_text(other->second->shape) : ""));
    }

    /// Only where it is named itself: with "prior" for a prior's tensors a difference of its heads would be silent.
    bool may_differ(const MetadataField& field) const {
        for (const std::string& entry : options_.allow_missing)
            if (!field.is_setting && (entry == field.key || entry == field.qualified())) return true;
        return false;
    }
    /// A file without any metadata of tessera was written or rewritten by another program: only shapes are compared.
    void compare_fields() {
        bool ours = false;
        for (const MetadataEntry& e : file_.metadata())
            ours = ours || (e.key.starts_with("tessera.") && !e.key.starts_with(checksum_key));
        for (const MetadataField& field : fields_) {
            const std::optional<std::string> found = file_.metadata(field.in_file());
            if (is_accepted(field)) {  // where it is compared later, the file's value is in a leaf
                report.accepted.push_back({field.qualified(), found.value_or(""), field.value});
            } else if (field.compared_later) {
                continue;
            } else if (found && *found != field.value && may_differ(field)) {
                report.accepted.push_back({field.qualified(), *found, field.value});
            } else if (found && *found != field.value) {
                differing_.push_back(&field);
                mismatches_.add(field.key + ": expected " + field.value + ", file has " + printable(*found) +
                                (field.is_setting ? remedy(field) : ""));
            } else if (!found && (!ours || is_named(field, options_.allow_missing))) {
                report.unchecked.push_back(field.qualified());
            } else if (!found) {
                differing_.push_back(&field);
                mismatches_.add(field.key + ": expected " + field.value + ", missing in the file's metadata" +
                                (field.is_setting && options_.remedy
                                     ? remedy(field)
                                     : std::string{"; LoadOptions{."} +
                                           (field.is_setting ? "accept" : "allow_missing") + " = {\"" + field.key +
                                           "\"}} loads without it"));
            }
        }
    }

    /// A file may hold more models than are loaded: the first part of a name says to which model a tensor belongs.
    void find_unused() {
        const std::vector<TensorInfo>& tensors = file_.tensors();
        std::vector<bool> used(tensors.size());
        const auto position_of = [&](const TensorInfo* t) { return static_cast<std::size_t>(t - tensors.data()); };
        for (const Source& source : sources)
            if (source.tensor) used[position_of(source.tensor)] = true;
        for (const TensorInfo& t : tensors)
            if (!used[position_of(&t)]) report.unused.push_back(t.name);
        std::set<std::string> parts;
        for (const Leaf& leaf : leaves_) parts.emplace(first_part(leaf.name));
        for (const auto& [name, tensor] : names_.entries()) {
            if (used[position_of(tensor)] || needs(name) || is_kept(name) || is_of_difference(name)) continue;
            if (is_below_any(name, options_.allow_unused)) continue;
            const bool is_ours = parts.contains(std::string{first_part(name)});
            if (!is_ours && !unread_.refuses(names_, name, tensor)) continue;
            mismatches_.add(printable(name) + ": not expected, file has " + shape_text(tensor->shape));
        }
    }

    void throw_mismatches() {
        const bool nothing = mismatches_.empty() && report.loaded.empty() && !report.missing.empty();
        if (nothing) mismatches_.add("none of the models' tensors was found");
        missing_ = missing_ || nothing;
        if (missing_)
            if (const std::optional<std::string> text = names_.suggestion(leaves_))
                throw FormatError(FormatCode::mismatch, "io::load: " + file_.name() + ": " + *text, file_.name());
        mismatches_.raise(file_.name(), missing_ ? names_.contents() : unread_.hint());
    }

    const File& file_;
    const LoadOptions& options_;
    UnreadByRenames<File> unread_{options_.rename};
    FileNames<File> names_;
    const std::vector<Leaf>& leaves_;
    const std::vector<MetadataField>& fields_;
    Mismatches mismatches_;
    std::vector<const MetadataField*> differing_;
    bool missing_ = false;
};

}  // namespace tessera::io::detail
