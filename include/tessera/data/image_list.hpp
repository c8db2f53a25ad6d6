#pragma once
// list_image_folder(folder): the images of a folder by path, with classes and splits, without decoding one.
//
//     folder/cat/1.png, folder/dog/more/2.jpg                  classes: the folders, with everything below them
//     folder/1.png, folder/2.png                               images without classes
//     folder/train/..., folder/val/..., folder/test/...        splits, each of them like one of the above
//
// The rules are those of torchvision's ImageFolder: each folder is a class, also an empty one, in the order of their
// names; images are ordered by the path of their folder, then by name. Links are followed, but not back. With `classes`
// the caller gives the names of the classes and their order, so that two folders have the same labels. Folders
// called train, val and test (or training, valid, validation, testing) are splits and not classes, where there is a
// train and no other folder has images; their classes are those of all splits together.
//
// A file is an image if it begins like a PNG or JPEG or is named like one (.png, .jpg, .jpeg). Everything else is
// counted (data/skipped.hpp). A layout that could mean two things is an error that says what was found.
//
// Errors   IoError where the folder cannot be read; DataError where there are no images, where the layout is ambiguous,
//          and where a class is not among those of the caller
// Cost     a system call for each folder and file, and one more for each file that is not named like an image
//
// Over 250 lines: each layout that is refused has its sentence.

#include <tessera/core/error.hpp>
#include <tessera/core/label.hpp>
#include <tessera/data/detail/folder_entries.hpp>
#include <tessera/data/detail/some_of.hpp>
#include <tessera/data/skipped.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

/// What the folders in a folder are.
enum class FolderLayout : unsigned char {
    detect,   ///< splits where they are called so, otherwise classes
    classes,  ///< classes, also where they are called train or test
    splits,
};

enum class Split : unsigned char { train, val, test };

struct ListedImage {
    std::string path;
    Label label;
    Split split;
};

struct ImageList {
    std::vector<ListedImage> images;       ///< split by split
    std::vector<std::string> class_names;  ///< empty: no classes
    bool has_splits = false;
    Skipped left_out;

    [[nodiscard]] bool labelled() const { return !class_names.empty(); }
};

namespace detail {

inline std::optional<Split> split_called(std::string_view name) {
    const std::string lower = lower_case(name);
    if (lower == "train" || lower == "training") return Split::train;
    if (lower == "val" || lower == "valid" || lower == "validation") return Split::val;
    if (lower == "test" || lower == "testing") return Split::test;
    return std::nullopt;
}

[[noreturn]] inline void refuse_folder(const std::string& folder, const std::string& why) {
    throw DataError("load_image_folder: " + folder + ": " + why);
}

/// A folder whose folders are classes, or which has images and no classes.
struct ClassFolder {
    std::string sub;  ///< path below the root
    std::map<std::string, std::vector<std::string>> classes;
    std::vector<std::string> loose;

    std::size_t images_in_classes() const {
        std::size_t all = 0;
        for (const auto& [name, images] : classes) all += images.size();
        return all;
    }
};

inline std::string real_path(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::canonical(path, ignored).string();
}

inline ClassFolder list_classes(const std::string& root, const std::string& sub, const FolderEntries& entries,
                                Skipped& left_out) {
    ClassFolder found{sub, {}, {}};
    for (const std::string& name : entries.folders) {
        Walk inside = walk(root, joined(sub, name), {real_path(root), real_path(joined(root, sub))}, left_out);
        if (inside.readable) found.classes.emplace(name, std::move(inside.images));
    }
    for (const std::string& name : entries.files)
        if (std::string path = joined(sub, name); is_candidate(root, path, left_out)) found.loose.push_back(path);
    const std::size_t inside = found.images_in_classes(), loose = found.loose.size();
    if (inside == 0 && loose != 0) {
        found.classes.clear();
    } else if (loose >= inside && inside != 0) {
        refuse_folder(joined(root, sub),
                      expected_got("all images in subfolders, or none",
                                   std::to_string(loose) + " next to " + std::to_string(found.classes.size()) +
                                       " subfolders with " + std::to_string(inside)));
    } else {
        for (std::string& path : found.loose) left_out.add(SkipReason::outside, std::move(path));
        found.loose.clear();
    }
    return found;
}

/// Refuses a folder whose classes are in fact one level deeper: a folder around the set, or splits inside the classes.
inline void refuse_deeper(const std::string& root, const ClassFolder& found) {
    if (found.classes.empty()) return;
    bool all_split = true;
    std::vector<std::string> deeper;
    for (const auto& [name, images] : found.classes) {
        std::set<std::string> below;
        bool has_train = false;
        for (const std::string& path : images) {
            const std::string rest = path.substr(name.size() + 1);
            const std::size_t slash = rest.find('/');
            if (slash == std::string::npos) return;  // an image directly in a class
            below.insert(rest.substr(0, slash));
        }
        std::size_t splits = 0;
        for (const std::string& folder : below)
            if (const auto split = split_called(folder)) {
                ++splits;
                has_train = has_train || *split == Split::train;
            }
        all_split = all_split && (images.empty() || (has_train && splits == below.size() && splits > 1));
        if (found.classes.size() == 1) deeper.assign(below.begin(), below.end());
    }
    if (found.images_in_classes() == 0) return;
    const std::string& first = found.classes.begin()->first;
    if (found.classes.size() == 1 && deeper.size() > 1)
        refuse_folder(root, "the images are two levels down: expected folders of classes or splits, got one folder, " +
                                first + ", with the folders " + some_of(deeper) + ": pass " + joined(root, first) +
                                ", or FolderLayout::classes for a single class");
    if (all_split && found.classes.size() > 1)
        refuse_folder(root, "each folder has splits in it: expected " + joined(root, "train/" + first) + ", got " +
                                joined(root, first + "/train"));
}

/// Is this what people call the part of a set that is not for training?
inline bool looks_like_split(std::string_view name) {
    for (const std::string_view start : {"test", "dev", "eval", "unlabel"})
        if (name.starts_with(start)) return true;
    return false;
}

/// Which folders of the root are splits? None: they are classes.
inline std::vector<std::string> find_splits(const std::string& root, const FolderEntries& top, FolderLayout layout,
                                            Skipped& left_out) {
    if (layout == FolderLayout::classes) return {};
    std::vector<std::string> splits, others;
    bool has_train = false, images_elsewhere = false;
    for (const std::string& name : top.folders)
        if (const auto split = split_called(name)) {
            splits.push_back(name);
            has_train = has_train || *split == Split::train;
        } else {
            others.push_back(name);
        }
    const std::string seen = "got the folders " + some_of(top.folders);
    if (!has_train) {
        if (layout == FolderLayout::splits || (!splits.empty() && others.empty()))
            refuse_folder(root, "expected a folder train, or folders of classes, " +
                                    (top.folders.empty() ? "got none" : seen) +
                                    ": pass the folder of one split, or FolderLayout::classes");
        return {};
    }
    Skipped elsewhere;
    bool like_split = false;
    for (const std::string& name : others)
        if (!walk(root, name, {real_path(root)}, elsewhere).images.empty()) {
            images_elsewhere = true;
            like_split = like_split || looks_like_split(name);
        }
    if (images_elsewhere && !like_split && splits.size() == 1 && layout == FolderLayout::detect)
        return {};  // a class called train
    if (images_elsewhere)
        refuse_folder(root, "expected folders of splits or of classes, got both, " + some_of(splits) + " next to " +
                                some_of(others) + ": pass FolderLayout::classes if all of them are classes");
    for (const std::string& name : others) std::ignore = walk(root, name, {real_path(root)}, left_out);
    return splits;
}

/// The classes of all splits, or those of the caller, which must have each class with images.
inline std::vector<std::string> join_classes(const std::string& root, const std::vector<ClassFolder>& folders,
                                             const std::vector<std::string>& given) {
    std::set<std::string> names;
    const ClassFolder *with = nullptr, *without = nullptr;
    for (const ClassFolder& folder : folders) {
        for (const auto& [name, images] : folder.classes) {
            const bool known = std::ranges::find(given, name) != given.end();
            if (!given.empty() && !known && !images.empty())
                refuse_folder(root, "class " + joined(folder.sub, name) + ": " +
                                        expected_got("one of " + some_of(given), name));
            names.insert(name);
        }
        if (folder.images_in_classes() != 0) with = &folder;
        if (!folder.loose.empty()) without = &folder;
    }
    if (without && (with || !given.empty()))
        refuse_folder(root, (with ? with->sub + " has folders of classes" : "classes are given: " + some_of(given)) +
                                ", " + (without->sub.empty() ? "the folder" : without->sub) + " has " +
                                std::to_string(without->loose.size()) + " images without: expected all with classes");
    if (without) return {};
    return given.empty() ? std::vector<std::string>{names.begin(), names.end()} : given;
}

}  // namespace detail

/// `classes`: names of the classes in the order of their labels; empty: those that are found.
[[nodiscard]] inline ImageList list_image_folder(const std::string& folder, FolderLayout layout = FolderLayout::detect,
                                                 const std::vector<std::string>& classes = {}) {
    ImageList list;
    const detail::FolderEntries top = detail::list_entries(folder, {}, list.left_out);
    const std::vector<std::string> splits = detail::find_splits(folder, top, layout, list.left_out);
    list.has_splits = !splits.empty();
    std::vector<detail::ClassFolder> found;
    std::vector<Split> split_of;
    if (splits.empty()) {
        found.push_back(detail::list_classes(folder, {}, top, list.left_out));
        split_of.push_back(Split::train);
        if (layout == FolderLayout::detect) detail::refuse_deeper(folder, found.front());
    } else {
        for (const std::string& name : top.files)
            if (detail::is_candidate(folder, name, list.left_out)) list.left_out.add(SkipReason::outside, name);
        for (const Split split : {Split::train, Split::val, Split::test}) {
            const std::string* taken = nullptr;
            for (const std::string& name : splits) {
                if (detail::split_called(name) != split) continue;
                if (taken) detail::refuse_folder(folder, "expected one of the folders " + *taken + " and " + name);
                taken = &name;
                const auto entries = detail::list_entries(folder, name, list.left_out);
                if (!entries.readable) continue;
                found.push_back(detail::list_classes(folder, name, entries, list.left_out));
                split_of.push_back(split);
            }
        }
    }
    list.class_names = detail::join_classes(folder, found, classes);
    for (std::size_t f = 0; f < found.size(); ++f) {
        for (const std::string& path : found[f].loose)
            list.images.push_back({detail::joined(folder, path), Label{}, split_of[f]});
        for (const auto& [name, images] : found[f].classes) {
            const auto at = std::ranges::find(list.class_names, name);
            const Label label{static_cast<std::uint32_t>(at - list.class_names.begin())};
            for (const std::string& path : images)
                list.images.push_back({detail::joined(folder, path), label, split_of[f]});
        }
    }
    if (list.images.empty())
        detail::refuse_folder(folder, expected_got("PNG or JPEG files", "none") +
                                          (list.left_out.empty() ? "" : "; skipped: " + list.left_out.text()));
    return list;
}

}  // namespace tessera::data
