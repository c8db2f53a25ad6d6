#pragma once
// FileNames: the tensors of a file under the names that prefix and renames give them, and the messages for a file whose
// names are not the model's.
//
// Over 250 lines: one place for all that a file may call its tensors, with a sentence for each way to read them.

#include <tessera/core/error.hpp>
#include <tessera/io/load_options.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/stateful.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io::detail {

inline std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

/// A template, so that a file that includes this and loads nothing does not pay for it: with LoadPlan a sixth of the
/// time that the whole library takes to compile.
template <class File>
class FileNames {
public:
    FileNames(const File& file, const LoadOptions& options) : file_{&file} {
        std::vector<bool> renamed(options.rename.size()), has_matrix(options.rename.size());
        const auto rename = [&](std::string name, const TensorInfo& t, bool is_other_name) {
            const bool is_matrix = t.shape.size() == 2;
            for (std::size_t i = 0; i < renamed.size(); ++i)
                if (const Rename& r = options.rename[i]; name.starts_with(r.from)) {
                    if (is_other_name && r.transposed && is_matrix) return std::string{};
                    name = r.to + name.substr(r.from.size());
                    renamed[i] = true;
                    has_matrix[i] = has_matrix[i] || is_matrix;
                    if (r.transposed && is_matrix) transposed_.push_back(&t);
                    if (!is_other_name) touched_.push_back(&t);
                    break;
                }
            return name;
        };
        bool any_has_prefix = false;
        for (const TensorInfo& t : file.tensors()) {
            const bool has_prefix = t.name.starts_with(options.prefix);
            if (!has_prefix && (!may_be_copy(t.name, options) || file.find(options.prefix + t.name))) continue;
            any_has_prefix = any_has_prefix || has_prefix;
            std::string name = rename(has_prefix ? t.name.substr(options.prefix.size()) : t.name, t, false);
            const auto [other, is_new] = entries_.emplace(std::move(name), &t);
            if (!is_new)
                throw FormatError(FormatCode::mismatch,
                                  "io::load: " + file.name() + ": prefix or rename: " + printable(other->second->name) +
                                      " and " + printable(t.name) + " both become " + printable(other->first),
                                  file.name());
        }
        // safetensors.torch.save_model writes one of several names of a tensor, and the others into the metadata
        for (const MetadataEntry& e : file.metadata())
            if (const TensorInfo* t = file.find(e.value); t && e.key.starts_with(options.prefix))
                other_names_.emplace(rename(e.key.substr(options.prefix.size()), *t, true), t);
        if (!any_has_prefix && !options.prefix.empty()) refuse_option("prefix", options.prefix);
        for (std::size_t i = 0; i < renamed.size(); ++i)
            if (!renamed[i]) refuse_option("rename", options.rename[i].from, other_prefix(options, i));
        std::sort(touched_.begin(), touched_.end());
        for (std::size_t i = 0; i < renamed.size(); ++i)
            if (options.rename[i].transposed && !has_matrix[i])
                throw FormatError(FormatCode::mismatch,
                                  "io::load: " + file.name() + ": rename: transposed: " +
                                      expected_got("a matrix below " + quoted(options.rename[i].from), "none"),
                                  file.name());
    }

    const TensorsByName& entries() const { return entries_; }
    const TensorInfo* find(std::string_view name) const {
        if (const auto found = entries_.find(name); found != entries_.end()) return found->second;
        const auto other = other_names_.find(name);
        return other == other_names_.end() ? nullptr : other->second;
    }

    bool is_transposed(const TensorInfo* tensor) const {
        return std::find(transposed_.begin(), transposed_.end(), tensor) != transposed_.end();
    }
    /// Whether a rename has given it its name.
    bool is_renamed(const TensorInfo* tensor) const {
        return std::binary_search(touched_.begin(), touched_.end(), tensor);
    }
    /// In the order of the model's axes.
    std::vector<std::uint64_t> shape(const TensorInfo& tensor) const {
        std::vector<std::uint64_t> dims = tensor.shape;
        if (is_transposed(&tensor)) std::reverse(dims.begin(), dims.end());
        return dims;
    }

    /// "the file has 9 tensors: decoder (4), encoder (5)"
    std::string contents() const {
        const std::size_t all = entries_.size();
        std::string text = "the file has " + std::to_string(all) + (all == 1 ? " tensor" : " tensors");
        std::size_t parts = 0;
        constexpr std::size_t most = 12;
        for (auto i = entries_.begin(); i != entries_.end(); ++parts) {
            const std::string_view part = first_part(i->first);
            std::size_t count = 0;
            for (; i != entries_.end() && first_part(i->first) == part; ++i) ++count;
            if (parts <= most) text += parts == 0 ? ": " : ", ";
            if (parts < most) text += (part.empty() ? "\"\"" : printable(part)) + " (" + std::to_string(count) + ')';
            if (parts == most) text += "...";
        }
        return text;
    }

    /// A name in the file with an edit distance of at most 2 from this one.
    const TensorsByName::value_type* closest(std::string_view name) const {
        const TensorsByName::value_type* best = nullptr;
        std::size_t least = 3, compared = 0;
        for (const auto& entry : entries_) {
            if (++compared > 2000) break;
            if (const std::size_t d = distance(name, entry.first); d < least) {
                least = d;
                best = &entry;
            }
        }
        return best;
    }

    /// A sentence with the options that would match every one of `leaves` with a tensor, or nothing.
    std::optional<std::string> suggestion(const std::vector<Leaf>& leaves) const {
        const auto all_fit = [&](auto&& file_name_of) {
            for (const Leaf& leaf : leaves) {
                const std::optional<std::string> name = file_name_of(leaf.name);
                const TensorInfo* t = name ? find(*name) : nullptr;
                if (t ? t->shape != leaf.shape : !leaf.optional) return false;
            }
            return true;
        };
        std::string_view name;  // of the first required leaf
        for (const Leaf& leaf : leaves)
            if (name.empty() && !leaf.optional) name = leaf.name;
        if (name.empty()) return std::nullopt;
        for (const auto& [in_file, tensor] : entries_) {
            if (in_file.size() > name.size() && in_file.ends_with(name)) {
                const std::string more = in_file.substr(0, in_file.size() - name.size());
                if (all_fit([&](const std::string& n) { return std::optional{more + n}; }))
                    return begin_sentence(more) + "LoadOptions{.prefix = " + quoted(more) + "} loads them";
            }
            if (in_file.size() < name.size() && name.ends_with(in_file)) {
                const std::string less{name.substr(0, name.size() - in_file.size())};
                const auto shorter = [&](const std::string& n) {
                    return n.starts_with(less) ? std::optional{n.substr(less.size())} : std::nullopt;
                };
                if (all_fit(shorter))
                    return "the file's names lack " + quoted(less) + ": LoadOptions{.rename = {{\"\", " + quoted(less) +
                           "}}} loads them";
            }
        }
        for (const std::string_view wrapper : {"_orig_mod.", "module."})
            if (auto text = suggestion_inside(wrapper, all_fit)) return text;
        return std::nullopt;
    }

private:
    static bool may_be_copy(std::string_view name, const LoadOptions& options) {
        for (const Rename& r : options.rename)
            for (const std::string& begin : r.copies)
                if (name.starts_with(begin)) return true;
        return false;
    }
    [[gnu::__noreturn__]] void refuse_option(const char* option, const std::string& value,
                                             const std::string& way = {}) const {
        FileNames all{*file_, {}};
        throw FormatError(FormatCode::mismatch,
                          "io::load: " + file_->name() + ": " + option + ": no name begins with " + quoted(value) +
                              ": " + (way.empty() ? all.contents() : way),
                          file_->name());
    }
    /// A sentence with the prefix with which every rename would match, as this one does not; or with what the names
    /// lack; or nothing.
    std::string other_prefix(const LoadOptions& options, std::size_t unmatched) const {
        const auto all_match = [&](const std::string& more, std::size_t less) {
            for (const Rename& r : options.rename) {
                if (r.from.size() < less || r.from.substr(0, less) != options.rename[unmatched].from.substr(0, less))
                    return false;
                const std::string begin = more + r.from.substr(less);
                const auto found = entries_.lower_bound(begin);
                if (found == entries_.end() || !found->first.starts_with(begin)) return false;
            }
            return true;
        };
        const std::string& from = options.rename[unmatched].from;
        for (const auto& [name, tensor] : entries_)
            if (const std::size_t at = name.find(from); at != 0 && at != std::string::npos)
                if (const std::string more = name.substr(0, at); all_match(more, 0))
                    return begin_sentence(more) + "LoadOptions{.prefix = " + quoted(options.prefix + more) +
                           "} with these renames reads them";
        if (const std::size_t dot = from.find('.'); dot != std::string::npos && dot + 1 < from.size())
            if (all_match("", dot + 1)) return "the file's names lack " + quoted(from.substr(0, dot + 1));
        return {};
    }
    static std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }
    std::string begin_sentence(const std::string& prefix) const {
        bool every = true;
        for (const auto& [name, tensor] : entries_) every = every && name.starts_with(prefix);
        return (every ? "every name begins with " : "the names begin with ") + quoted(prefix) + ": ";
    }

    /// For names like "encoder._orig_mod.0.weight", where a part is wrapped.
    template <class AllFit>
    std::optional<std::string> suggestion_inside(std::string_view wrapper, AllFit all_fit) const {
        constexpr std::size_t most = 8;
        std::vector<std::pair<std::string, std::string>> to_file;  // the prefix in the model and in the file
        for (const auto& [name, tensor] : entries_) {
            const std::size_t at = name.find('.' + std::string{wrapper});
            if (at == std::string::npos) continue;
            const std::string ours = name.substr(0, at + 1), theirs = ours + std::string{wrapper};
            bool known = false;
            for (const auto& [model, file] : to_file) known = known || (model == ours && file == theirs);
            if (known) continue;
            if (to_file.size() == most) return std::nullopt;
            to_file.emplace_back(ours, theirs);
        }
        if (to_file.empty()) return std::nullopt;
        const auto wrapped = [&](const std::string& n) {
            for (const auto& [model, file] : to_file)
                if (n.starts_with(model)) return std::optional{file + n.substr(model.size())};
            return std::optional{n};
        };
        if (!all_fit(wrapped)) return std::nullopt;
        std::string text;
        for (const auto& [model, file] : to_file)
            text += (text.empty() ? "{" : ", {") + quoted(file) + ", " + quoted(model) + '}';
        return "names have " + quoted(wrapper) + " in them: LoadOptions{.rename = {" + text + "}} loads them";
    }

    /// The edit distance of two names, or 3 if it is larger.
    static std::size_t distance(std::string_view a, std::string_view b) {
        constexpr std::size_t max_distance = 3;
        if (a.size() > b.size()) std::swap(a, b);
        if (b.size() - a.size() >= max_distance) return max_distance;
        std::vector<std::size_t> row(a.size() + 1);
        for (std::size_t i = 0; i <= a.size(); ++i) row[i] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t diagonal = std::exchange(row[0], j);
            for (std::size_t i = 1; i <= a.size(); ++i) {
                const std::size_t same = diagonal + (a[i - 1] != b[j - 1]);
                diagonal = row[i];
                row[i] = (std::min)({same, row[i] + 1, row[i - 1] + 1});
            }
        }
        return (std::min)(row[a.size()], max_distance);
    }

    const File* file_;
    TensorsByName entries_, other_names_;
    std::vector<const TensorInfo*> transposed_, touched_;
};

}  // namespace tessera::io::detail
