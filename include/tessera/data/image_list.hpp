#pragma once
// list_image_folder(folder): the images of a folder by path, with classes and splits, without decoding one.
//
//     folder/cat/1.png, folder/dog/more/2.jpg                  classes: the folders, with everything below them
//     folder/1.png, folder/2.png                               images without classes
//     folder/train/..., folder/val/..., folder/test/...        splits, each of them like one of the above
//
// The rules are those of torchvision's ImageFolder: each folder is a class, also an empty one, in the order of their
// names; images are ordered by the path of their folder, then by name. A folder with files but no image (labels,
// Annotations) is no class, and is counted. Links are followed, but not back. With `classes` the caller gives the names
// of the classes and their order, so that two folders have the same labels.
//
// Folders called train, val and test (or training, valid, validation, testing, each also with a year: train2017) are
// splits and not classes, where there is a train and no other folder has images. Their classes are those of train: a
// folder of val or test that train has not is an error, because in many sets (tiny-imagenet: val/images) it is no
// class. Where it is one, the caller names all classes. A class may be called train (bus, car, train), but not next to
// what goes with a split of that name: train_masks, labels, extra. Splits under other names (trainval and test,
// TrainData and TestData, imagesTr and imagesTs) are refused, because they are neither classes nor surely one set
// (detail/split_names.hpp); so are images next to masks or labels that are images too.
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
#include <tessera/data/detail/split_names.hpp>
#include <tessera/data/left_out.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
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

struct ListedImage {
    std::string path;
    Label label;
    Split split;
};

struct ImageList {
    std::vector<ListedImage> images;       ///< split by split
    std::vector<std::string> class_names;  ///< empty: no classes
    bool has_splits = false;
    bool has_test = false;  ///< there is a split test or val, perhaps without images
    LeftOut left_out;

    [[nodiscard]] bool labelled() const { return !class_names.empty(); }
};

namespace detail {

[[gnu::__noreturn__]] inline void refuse_folder(const std::string& folder, const std::string& why) {
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

/// How many files have been left out: those that are no image, and those that may be one.
struct OtherFiles {
    explicit OtherFiles(const LeftOut& left_out)
        : no_images{left_out.count(LeftOutReason::no_image)}, perhaps{left_out.count(LeftOutReason::other_type) +
                                                                      left_out.count(LeftOutReason::unreadable)} {}

    bool only_no_images_since(const OtherFiles& before) const {
        return no_images != before.no_images && perhaps == before.perhaps;
    }

    std::size_t no_images, perhaps;
};

inline ClassFolder list_classes(const std::string& root, const std::string& sub, const FolderEntries& entries,
                                LeftOut& left_out) {
    ClassFolder found{sub, {}, {}};
    std::vector<std::string> no_classes;
    for (const std::string& name : entries.folders) {
        const OtherFiles before{left_out};
        Walk inside = walk(root, joined(sub, name), {real_path(root), real_path(joined(root, sub))}, left_out);
        if (!inside.readable) continue;
        if (inside.images.empty() && OtherFiles{left_out}.only_no_images_since(before))
            no_classes.push_back(joined(sub, name));
        else
            found.classes.emplace(name, std::move(inside.images));
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
        if (inside == 0) no_classes.clear();  // there are no classes at all
        for (std::string& path : no_classes) left_out.add(LeftOutReason::no_class, std::move(path));
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

/// Refuses images next to their masks or labels, which are images too.
inline void refuse_pairs(const std::string& root, const ClassFolder& found) {
    std::string images, about;
    for (const auto& [name, inside] : found.classes) {
        if (inside.empty()) continue;
        if (is_called_images(name)) images = name;
        if (is_about_images(name)) about = name;
    }
    if (images.empty() || about.empty()) return;
    images = joined(found.sub, images);
    refuse_folder(root, expected_got("folders of classes", images + " next to " + joined(found.sub, about)) +
                            ": pass " + joined(root, images) + ", or " +
                            (found.sub.empty() ? "FolderLayout::classes" : "FolderLayout::splits") +
                            " if both are classes");
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
    const auto any_names = [&](SplitKind kind) {
        return std::ranges::any_of(top.folders, [&](const auto& name) { return split_named_by(name) == kind; });
    };
    if (!has_train && layout == FolderLayout::detect && any_names(SplitKind::training) && any_names(SplitKind::other))
        refuse_folder(
            root,
            "expected folders of classes, or of the splits of one set, " + seen +
                ": pass one of them, name two of them train and test, or pass FolderLayout::classes if all of them "
                "are classes");
    if (!has_train) {
        if (layout == FolderLayout::splits || (!splits.empty() && others.empty()))
            refuse_folder(root, "expected a folder train, or folders of classes, " +
                                    (top.folders.empty() ? "got none" : seen) +
                                    ": pass the folder of one split, or FolderLayout::classes");
        return {};
    }
    LeftOut elsewhere;
    bool with_train = false;
    for (const std::string& name : others)
        if (!walk(root, name, {real_path(root)}, elsewhere).images.empty()) {
            images_elsewhere = true;
            with_train = with_train || goes_with_train(name);
        }
    if (images_elsewhere && !with_train && splits.size() == 1 && layout == FolderLayout::detect)
        return {};  // a class called train
    if (images_elsewhere)
        refuse_folder(root, "expected folders of splits or of classes, got both, " + some_of(splits) + " next to " +
                                some_of(others) + ": pass FolderLayout::classes if all of them are classes");
    for (const std::string& name : others) std::ignore = walk(root, name, {real_path(root)}, left_out);
    return splits;
}

/// The labels of classes; of a name that is given twice, the first. A map, because there may be 80,000 classes.
inline std::map<std::string, Label> labels_by_name(const std::vector<std::string>& names) {
    std::map<std::string, Label> labels;
    for (std::size_t i = 0; i < names.size(); ++i) labels.emplace(names[i], Label{static_cast<std::uint32_t>(i)});
    return labels;
}

/// The classes of train, or those of the caller; each class with images must be among them.
inline std::vector<std::string> join_classes(const std::string& root, const std::vector<ClassFolder>& folders,
                                             const std::vector<std::string>& given) {
    std::vector<std::string> names = given;
    std::map<std::string, Label> known = labels_by_name(names);
    const ClassFolder *with = nullptr, *without = nullptr;
    for (const ClassFolder& folder : folders) {  // train is the first
        if (names.empty()) {
            for (const auto& [name, images] : folder.classes) names.push_back(name);
            known = labels_by_name(names);
        }
        for (const auto& [name, images] : folder.classes)
            if (!images.empty() && !known.contains(name))
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

/// Adds the images of the parts of `folder` to the list, which has the names of the classes.
inline void add_images(ImageList& list, const std::string& folder, const std::vector<ClassFolder>& parts,
                       const std::vector<Split>& splits) {
    const std::map<std::string, Label> labels = labels_by_name(list.class_names);
    for (std::size_t p = 0; p < parts.size(); ++p) {
        for (const std::string& path : parts[p].loose)
            list.images.push_back({joined(folder, path), Label{}, splits[p]});
        for (const auto& [name, images] : parts[p].classes)
            for (const std::string& path : images)
                list.images.push_back({joined(folder, path), labels.at(name), splits[p]});
    }
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
                list.has_test = list.has_test || split != Split::train;
                const auto entries = detail::list_entries(folder, name, list.left_out);
                if (!entries.readable) continue;
                found.push_back(detail::list_classes(folder, name, entries, list.left_out));
                split_of.push_back(split);
            }
        }
    }
    if (layout == FolderLayout::detect)
        for (const detail::ClassFolder& part : found) {
            detail::refuse_pairs(folder, part);
            detail::refuse_deeper(folder, part);
        }
    list.class_names = detail::join_classes(folder, found, classes);
    detail::add_images(list, folder, found, split_of);
    if (list.images.empty())
        detail::refuse_folder(folder, expected_got("PNG or JPEG files", "none") +
                                          (list.left_out.empty() ? "" : "; left out: " + list.left_out.text()));
    return list;
}

}  // namespace tessera::data
