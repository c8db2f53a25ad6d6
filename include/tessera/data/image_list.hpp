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
// called train, val and test (or training, valid, validation, testing, each also with a year: train2017) are splits and
// not classes, where there is a train and no other folder has images. Their classes are those of train: a folder of val
// or test that train has not is an error, because in many sets (tiny-imagenet: val/images) it is no class. Where it is
// one, the caller names all classes.
//
// A file is an image if it begins like a PNG or JPEG or is named like one (.png, .jpg, .jpeg). Everything else is
// counted (data/left_out.hpp). A layout that could mean two things is an error that says what was found.
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
#include <tessera/data/left_out.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
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
    LeftOut left_out;

    [[nodiscard]] bool labelled() const { return !class_names.empty(); }
};

namespace detail {

inline std::optional<Split> split_called(std::string_view name) {
    std::string lower = lower_case(name);
    const std::string year = lower.size() > 4 ? lower.substr(lower.size() - 4) : std::string{};
    const bool digits = std::ranges::all_of(year, [](char c) { return c >= '0' && c <= '9'; });
    if (digits && (year.starts_with("19") || year.starts_with("20"))) {  // train2017
        lower.resize(lower.size() - 4);
        if (lower.ends_with('_') || lower.ends_with('-')) lower.pop_back();
    }
    if (lower == "train" || lower == "training") return Split::train;
    if (lower == "val" || lower == "valid" || lower == "validation") return Split::val;
    if (lower == "test" || lower == "testing") return Split::test;
    return std::nullopt;
}

/// Does the name begin or end with the name of a split: trainA, test_b, val2, training_set, seg_test?
inline bool names_split(std::string_view name, std::initializer_list<std::string_view> splits) {
    const std::string lower = lower_case(name);
    for (const std::string_view split : splits) {
        if (lower.starts_with(split) && lower.size() <= split.size() + 2) return true;
        for (const char mark : {'_', '-'})
            if (lower.starts_with(std::string{split} + mark) || lower.ends_with(mark + std::string{split})) return true;
    }
    return false;
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
                                LeftOut& left_out) {
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
        for (std::string& path : found.loose) left_out.add(LeftOutReason::outside, std::move(path));
        found.loose.clear();
    }
    return found;
}

/// The folders in `folder` that have some of these images, with their number; none where most images are in `folder`
/// itself.
inline std::map<std::string, std::size_t> folders_below(const std::string& folder,
                                                        const std::vector<std::string>& images) {
    std::map<std::string, std::size_t> below;
    std::size_t directly = 0, deeper = 0;
    for (const std::string& path : images) {
        if (!path.starts_with(folder + '/')) continue;
        const std::string rest = path.substr(folder.size() + 1);
        const std::size_t slash = rest.find('/');
        ++(slash == std::string::npos ? directly : deeper);
        if (slash != std::string::npos) ++below[rest.substr(0, slash)];
    }
    if (directly >= deeper) below.clear();
    return below;
}

/// Refuses the only folder with images where it is a folder around the set: archive/cat, Data/CLS-LOC/train.
inline void refuse_wrapped(const std::string& root, const ClassFolder& found, const std::string& name,
                           const std::vector<std::string>& images) {
    std::string at = joined(found.sub, name);
    for (std::size_t level = 2;; ++level) {
        const auto below = folders_below(at, images);
        if (below.empty()) return;
        if (below.size() == 1) {
            at = joined(at, below.begin()->first);
            continue;
        }
        std::vector<std::string> names;
        for (const auto& [folder, count] : below) names.push_back(folder);
        refuse_folder(root, "the images are " + (level == 2 ? "two" : std::to_string(level)) +
                                " levels down: expected folders of classes or splits, got one folder, " + at +
                                ", with the folders " + some_of(names) + ": pass " + joined(root, at) + ", or " +
                                (found.sub.empty() ? "FolderLayout::classes" : "FolderLayout::splits") +
                                " for a single class");
    }
}

/// Refuses a folder whose classes are in fact deeper: a folder around the set, or splits inside the classes.
inline void refuse_deeper(const std::string& root, const ClassFolder& found) {
    bool all_split = true;
    std::size_t filled = 0;
    std::string first;
    for (const auto& [name, images] : found.classes) {
        if (images.empty()) continue;
        if (filled++ == 0) first = name;
        const auto below = folders_below(joined(found.sub, name), images);
        std::size_t splits = 0;
        bool has_train = false;
        for (const auto& [folder, count] : below)
            if (const auto split = split_called(folder)) {
                ++splits;
                has_train = has_train || *split == Split::train;
            }
        all_split = all_split && has_train && splits == below.size() && splits > 1;
    }
    if (filled == 1) refuse_wrapped(root, found, first, found.classes.at(first));
    if (filled > 1 && all_split)
        refuse_folder(root, "each folder has splits in it: expected " + joined(root, "train/" + first) + ", got " +
                                joined(root, joined(found.sub, first) + "/train"));
}

/// Is this what people call the part of a set that is not for training?
inline bool looks_like_split(std::string_view name) {
    const std::string lower = lower_case(name);
    for (const std::string_view start : {"test", "dev", "eval", "unlabel", "valid", "val_", "val-", "holdout"})
        if (lower.starts_with(start)) return true;
    return false;
}

/// Which folders of the root are splits? None: they are classes.
inline std::vector<std::string> find_splits(const std::string& root, const FolderEntries& top, FolderLayout layout,
                                            LeftOut& left_out) {
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
    const auto any_of = [&](std::initializer_list<std::string_view> names) {
        return std::ranges::any_of(others, [&](const auto& other) { return names_split(other, names); });
    };
    if (!has_train && layout == FolderLayout::detect && any_of({"train", "training"}) &&
        any_of({"test", "testing", "val", "valid", "validation", "dev", "eval"}))
        refuse_folder(root, "expected folders of classes, or of the splits of one set, " + seen +
                                ": pass one of them, or FolderLayout::classes if all of them are classes");
    if (!has_train) {
        if (layout == FolderLayout::splits || (!splits.empty() && others.empty()))
            refuse_folder(root, "expected a folder train, or folders of classes, " +
                                    (top.folders.empty() ? "got none" : seen) +
                                    ": pass the folder of one split, or FolderLayout::classes");
        return {};
    }
    LeftOut elsewhere;
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

/// The classes of train, or those of the caller; each class with images must be among them.
inline std::vector<std::string> join_classes(const std::string& root, const std::vector<ClassFolder>& folders,
                                             const std::vector<std::string>& given) {
    std::vector<std::string> names = given;
    const ClassFolder *with = nullptr, *without = nullptr;
    for (const ClassFolder& folder : folders) {  // train is the first
        if (names.empty())
            for (const auto& [name, images] : folder.classes) names.push_back(name);
        for (const auto& [name, images] : folder.classes)
            if (!images.empty() && std::ranges::find(names, name) == names.end())
                refuse_folder(root, "class " + joined(folder.sub, name) + ": " +
                                        expected_got("one of " + some_of(names), name) +
                                        (given.empty() ? ": where it is a class, name all of them" : ""));
        if (folder.images_in_classes() != 0) with = &folder;
        if (!folder.loose.empty()) without = &folder;
    }
    if (without && (with || !given.empty()))
        refuse_folder(root, (with ? with->sub + " has folders of classes" : "classes are given: " + some_of(given)) +
                                ", " + (without->sub.empty() ? "the folder" : without->sub) + " has " +
                                std::to_string(without->loose.size()) + " images without: expected all with classes");
    if (without) return {};
    return names;
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
    } else {
        for (const std::string& name : top.files)
            if (detail::is_candidate(folder, name, list.left_out)) list.left_out.add(LeftOutReason::outside, name);
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
    if (layout == FolderLayout::detect)
        for (const detail::ClassFolder& part : found) detail::refuse_deeper(folder, part);
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
                                          (list.left_out.empty() ? "" : "; left out: " + list.left_out.text()));
    return list;
}

}  // namespace tessera::data
