#pragma once
// UnreadByRenames: the tensors of a file that renames should have read, those that they allow, and those that must
// repeat one that was read.

#include <tessera/core/error.hpp>
#include <tessera/io/detail/file_names.hpp>
#include <tessera/io/load_options.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::io::detail {

template <class File>
class UnreadByRenames {
public:
    explicit UnreadByRenames(const std::vector<Rename>& renames) : renames_{renames} {
        for (const Rename& r : renames) {
            if (!r.from.empty()) parts_.emplace(first_part(r.from));
            for (const std::string& begin : r.copies) parts_.emplace(first_part(begin));
        }
    }

    /// Whether a tensor that no model has may not be in the file: no rename has changed its name, although they read
    /// others with the same first part.
    bool refuses(const FileNames<File>& names, const std::string& name, const TensorInfo* tensor) {
        const std::string part{first_part(name)};
        if (names.is_renamed(tensor) || !parts_.contains(part) || is_allowed(names, name, tensor)) return false;
        refused_ = part;
        return true;
    }
    std::string hint() const {
        if (refused_.empty()) return {};
        return "no rename reads all names of \"" + printable(refused_) +
               "\": LoadOptions::allow_unused names those that are to be left out";
    }

    /// A tied model has one tensor for both, and would give other results than the program that wrote two.
    void check_copies(File& file) const {
        for (const Copy& copy : copies_)
            if (!file.are_equal(*copy.tensor, *copy.original))
                throw FormatError(FormatCode::mismatch,
                                  "io::load: " + file.name() + ": " + printable(copy.tensor->name) +
                                      ": expected the bits of " + printable(copy.original->name) +
                                      ", which the model has for both, file has others; LoadOptions{.allow_unused = "
                                      "{\"" +
                                      printable(first_part(copy.name)) + "\"}} loads without it",
                                  file.name(), copy.tensor->offset);
    }

private:
    struct Copy {
        std::string name;
        const TensorInfo *tensor, *original;
    };

    bool is_allowed(const FileNames<File>& names, const std::string& name, const TensorInfo* tensor) {
        for (const Rename& r : renames_) {
            if (std::find(r.constants.begin(), r.constants.end(), name) != r.constants.end()) return true;
            for (const std::string& begin : r.copies) {
                if (!name.starts_with(begin)) continue;
                const TensorInfo* original = names.find(r.to + name.substr(begin.size()));
                if (!original) continue;
                copies_.push_back({name, tensor, original});
                return true;
            }
        }
        return false;
    }

    const std::vector<Rename>& renames_;
    std::set<std::string> parts_;
    std::vector<Copy> copies_;
    std::string refused_;  // a first part
};

}  // namespace tessera::io::detail
