#pragma once
// FileNames: the tensors of a file under the names that prefix and renames give them, and what to say about a
// file whose names are not the model's.

#include <tessera/core/error.hpp>
#include <tessera/io/load_options.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/stateful.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io::detail {

inline std::string_view first_part(std::string_view name) { return name.substr(0, name.find('.')); }

class FileNames {
public:
    struct Entry {
        std::string name;
        const TensorInfo* tensor;
    };

    FileNames(const SafetensorsFile& file, const LoadOptions& options) : file_{&file} {
        std::vector<bool> renamed(options.rename.size());
        for (const TensorInfo& t : file.tensors()) {
            if (!t.name.starts_with(options.prefix)) continue;
            std::string name = t.name.substr(options.prefix.size());
            for (std::size_t i = 0; i < renamed.size(); ++i)
                if (const Rename& r = options.rename[i]; name.starts_with(r.from)) {
                    name = r.to + name.substr(r.from.size());
                    renamed[i] = true;
                    break;
                }
            entries_.push_back({std::move(name), &t});
        }
        if (entries_.empty() && !options.prefix.empty()) refuse_option("prefix", options.prefix);
        for (std::size_t i = 0; i < renamed.size(); ++i)
            if (!renamed[i]) refuse_option("rename", options.rename[i].from);
        std::ranges::stable_sort(entries_, {}, &Entry::name);
        const auto twice = std::ranges::adjacent_find(entries_, {}, &Entry::name);
        if (twice != entries_.end())
            throw FormatError(FormatCode::mismatch,
                              "io::load: " + file.name() +
                                  ": prefix or rename: " + printable(twice->tensor->name) + " and " +
                                  printable(twice[1].tensor->name) + " both become " + printable(twice->name),
                              file.name());
    }

    const std::vector<Entry>& entries() const { return entries_; }
    const TensorInfo* find(std::string_view name) const {
        const auto i = std::ranges::lower_bound(entries_, name, {}, &Entry::name);
        return i != entries_.end() && i->name == name ? i->tensor : nullptr;
    }

    /// "the file has 9 tensors: decoder (4), encoder (5)"
    std::string contents() const {
        const std::size_t count = entries_.size();
        std::string text = "the file has " + std::to_string(count) + (count == 1 ? " tensor" : " tensors");
        std::size_t parts = 0;
        constexpr std::size_t most = 12;
        for (std::size_t i = 0; i < count; ++parts) {
            const std::string_view part = first_part(entries_[i].name);
            std::size_t end = i;
            while (end < count && first_part(entries_[end].name) == part) ++end;
            if (parts <= most) text += parts == 0 ? ": " : ", ";
            if (parts < most) text += printable(part) + " (" + std::to_string(end - i) + ')';
            if (parts == most) text += "...";
            i = end;
        }
        return text;
    }

    /// A name of the file that is two letters from this one at most.
    const Entry* closest(std::string_view name) const {
        const Entry* best = nullptr;
        std::size_t least = 3;
        for (std::size_t i = 0; i < (std::min<std::size_t>)(entries_.size(), 2000); ++i)
            if (const std::size_t d = distance(name, entries_[i].name); d < least) {
                least = d;
                best = &entries_[i];
            }
        return best;
    }

    /// What would give every one of `leaves` its tensor: a sentence, or nothing.
    std::optional<std::string> cure(const std::vector<Leaf>& leaves) const {
        const auto all_fit = [&](auto&& file_name_of) {
            return std::ranges::all_of(leaves, [&](const Leaf& leaf) {
                const std::optional<std::string> name = file_name_of(leaf.name);
                const TensorInfo* t = name ? find(*name) : nullptr;
                return t ? t->shape == leaf.shape : leaf.optional;
            });
        };
        const auto needed = std::ranges::find_if(leaves, [](const Leaf& leaf) { return !leaf.optional; });
        if (needed == leaves.end()) return std::nullopt;
        for (const Entry& e : entries_) {
            const std::string_view name = needed->name;
            if (e.name.size() > name.size() && e.name.ends_with(name)) {
                const std::string more = e.name.substr(0, e.name.size() - name.size());
                if (all_fit([&](const std::string& n) { return std::optional{more + n}; }))
                    return begins_sentence(more) + "LoadOptions{.prefix = " + quoted(more) + "} takes them";
            }
            if (e.name.size() < name.size() && name.ends_with(e.name)) {
                const std::string less{name.substr(0, name.size() - e.name.size())};
                const auto shorter = [&](const std::string& n) {
                    return n.starts_with(less) ? std::optional{n.substr(less.size())} : std::nullopt;
                };
                if (all_fit(shorter))
                    return "the file's names lack " + quoted(less) + ": LoadOptions{.rename = {{\"\", " +
                           quoted(less) + "}}} takes them";
            }
        }
        for (const std::string_view wrapper : {"_orig_mod.", "module."})
            if (auto text = cure_inside(wrapper, all_fit)) return text;
        return std::nullopt;
    }

private:
    [[noreturn]] void refuse_option(const char* option, const std::string& value) const {
        FileNames all{*file_, {}};
        throw FormatError(FormatCode::mismatch,
                          "io::load: " + file_->name() + ": " + option + ": no name begins with " +
                              quoted(value) + ": " + all.contents(),
                          file_->name());
    }
    static std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }
    std::string begins_sentence(const std::string& prefix) const {
        const bool every =
            std::ranges::all_of(entries_, [&](const Entry& e) { return e.name.starts_with(prefix); });
        return (every ? "every name begins with " : "the names begin with ") + quoted(prefix) + ": ";
    }

    /// Names like "encoder._orig_mod.0.weight": a wrapper around a part.
    template <class AllFit>
    std::optional<std::string> cure_inside(std::string_view wrapper, AllFit all_fit) const {
        constexpr std::size_t most = 8;
        std::vector<std::pair<std::string, std::string>> to_file;  // the model's beginning, the file's
        for (const Entry& e : entries_) {
            const std::size_t at = e.name.find('.' + std::string{wrapper});
            if (at == std::string::npos) continue;
            std::pair both{e.name.substr(0, at + 1), e.name.substr(0, at + 1 + wrapper.size())};
            if (std::ranges::find(to_file, both) != to_file.end()) continue;
            if (to_file.size() == most) return std::nullopt;
            to_file.push_back(std::move(both));
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
        return "names have " + quoted(wrapper) + " in them: LoadOptions{.rename = {" + text + "}} takes them";
    }

    /// Edits from one to the other; 3 or more: 3.
    static std::size_t distance(std::string_view a, std::string_view b) {
        constexpr std::size_t far_apart = 3;
        if (a.size() > b.size()) std::swap(a, b);
        if (b.size() - a.size() >= far_apart) return far_apart;
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
        return (std::min)(row[a.size()], far_apart);
    }

    const SafetensorsFile* file_;
    std::vector<Entry> entries_;
};

}  // namespace tessera::inline TESSERA_ABI::io::detail
