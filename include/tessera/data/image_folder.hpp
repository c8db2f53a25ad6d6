#pragma once
// load_image_folder: loads every PNG and JPEG of a folder, scaled and cropped to a shape, in gray or RGB.
//
//     load_image_folder<Shape<64, 64, 3>>(folder, {.test_share = 0.1})
//     image i goes to `test` where Rng{seed}.split(i).uniform_double() < test_share, otherwise to `train`
//
// Where the folder has subfolders with images, each is a class, in the order of their names; otherwise the images have
// no labels. Files are read in the order of their paths, and whether one goes to `train` or `test` depends only on its
// position in that order, so the same folder gives the same sets on every machine.
//
// Hidden files and files whose name does not end in .png, .jpg or .jpeg are ignored. A file that has such a name but is
// not a valid image is an error with its path and position or, with `skip_up_to`, is skipped and counted; the other
// images stay where they would be. A file that the system cannot read is always an error, because that says nothing
// about the image.
//
// Shapes   train, test [images, height x width x channels], channels 1 or 3
// Errors   ArgumentError where an option is not in [0, 1]; IoError where the system fails; FormatError for an invalid
//          image; DataError where there are no images, where there are images both in the folder and in subfolders, and
//          where more images than `skip_up_to`, or all of them, are invalid
// Cost     all images in memory, one byte a channel; one file at a time is decoded

#include <tessera/core/error.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/data/images.hpp>
#include <tessera/image/decode_image.hpp>
#include <tessera/image/resize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

struct ImageFolderOptions {
    double test_share = 0;   ///< probability in [0, 1] that an image goes to `test`
    std::uint64_t seed = 0;  ///< of the split into `train` and `test`
    double skip_up_to = 0;  ///< largest share of the files that may be invalid and are skipped; 0: each one is an error
    ReadLimits limits{};    ///< of a file and of an image
};

template <StaticShape S>
struct ImageFolder {
    Images<S> train;
    Images<S> test;
    std::size_t files = 0;             ///< number of files read: train, test and skipped together
    std::size_t skipped = 0;           ///< number of files skipped because they are not valid images
    std::vector<std::string> reasons;  ///< for the first few of them: position, path and error
};

namespace detail {

inline bool has_image_name(const std::filesystem::path& path) {
    std::string ending = path.extension().string();
    for (char& c : ending)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return (ending == ".png" || ending == ".jpg" || ending == ".jpeg") && !path.filename().string().starts_with('.');
}

/// Paths of the images, or of the subfolders, directly in a folder, sorted by their bytes.
inline std::vector<std::string> list_folder(const std::string& folder, bool folders) {
    std::vector<std::string> found;
    std::error_code error;
    std::filesystem::directory_iterator entry{folder, error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
        std::error_code ignored;
        const bool is_folder = entry->is_directory(ignored);
        if (folders ? is_folder && !entry->path().filename().string().starts_with('.')
                    : !is_folder && has_image_name(entry->path()))
            found.push_back(entry->path().string());
    }
    if (error) throw IoError("load_image_folder: " + folder + ": " + error.message(), folder, error.value());
    std::ranges::sort(found);
    return found;
}

struct FolderFile {
    std::string path;
    Label label;
};

struct FolderList {
    std::vector<FolderFile> files;
    std::vector<std::string> class_names;
};

inline FolderList list_images(const std::string& folder) {
    FolderList list;
    for (std::string& path : list_folder(folder, false)) list.files.push_back({std::move(path), Label{}});
    const std::size_t loose = list.files.size();
    for (const std::string& sub : list_folder(folder, true)) {
        const std::vector<std::string> paths = list_folder(sub, false);
        if (paths.empty()) continue;
        const Label label{static_cast<std::uint32_t>(list.class_names.size())};
        for (const std::string& path : paths) list.files.push_back({path, label});
        list.class_names.push_back(std::filesystem::path{sub}.filename().string());
    }
    if (list.files.empty())
        throw DataError("load_image_folder: " + folder + ": " + expected_got("PNG or JPEG files", "none"));
    if (loose != 0 && !list.class_names.empty())
        throw DataError("load_image_folder: " + folder + ": " +
                        expected_got("all images in subfolders, or none", std::to_string(loose) + " next to " +
                                                                              std::to_string(list.class_names.size()) +
                                                                              " subfolders"));
    return list;
}

/// Counts the files that are not valid images, and throws when there are too many.
class BadFiles {
public:
    BadFiles(const std::string& folder, double share) : folder_{folder}, share_{share} {
        if (!(share >= 0 && share <= 1))
            throw ArgumentError("load_image_folder: skip_up_to: " + expected_got("0 to 1", std::to_string(share)));
    }

    /// The result of read(), or nothing for a bad file that may be skipped.
    template <class F>
    std::optional<image::Pixels> unless_bad(std::size_t i, std::size_t files, F read) {
        const std::string where = "file " + std::to_string(i + 1) + " of " + std::to_string(files) + ": ";
        try {
            return read();
        } catch (const FormatError& e) {
            if (share_ <= 0)
                throw FormatError(e.code(), "load_image_folder: " + where + e.what(), e.path(), e.offset());
            if (count_++ < reasons_kept) reasons_.push_back(where + e.what());
        } catch (const IoError& e) {
            throw IoError("load_image_folder: " + where + e.what(), e.path(), e.reason());
        }
        // Compares quotients, because 0.29 * 100 < 29. A folder of bad files only is always an error.
        const double share = static_cast<double>(count_) / static_cast<double>(files);
        if (share > share_ || count_ == files)
            throw DataError("load_image_folder: " + folder_ + ": bad files: " +
                            expected_got("at most a share of " + std::to_string(share_) + ", and not all",
                                         std::to_string(count_) + " in the first " + std::to_string(i + 1) + " of " +
                                             std::to_string(files)) +
                            "; the first: " + reasons_.front());
        return std::nullopt;
    }

    std::size_t count() const { return count_; }
    std::vector<std::string> take_reasons() { return std::move(reasons_); }

private:
    static constexpr std::size_t reasons_kept = 5;
    const std::string& folder_;
    double share_;
    std::size_t count_ = 0;
    std::vector<std::string> reasons_;
};

}  // namespace detail

template <StaticShape S>
    requires(S::rank == 3 && (S::dims[2] == 1 || S::dims[2] == 3))
[[nodiscard]] static ImageFolder<S> load_image_folder(const std::string& folder,
                                                      const ImageFolderOptions& options = {}) {
    if (!(options.test_share >= 0 && options.test_share <= 1))
        throw ArgumentError("load_image_folder: test_share: " +
                            expected_got("0 to 1", std::to_string(options.test_share)));
    detail::BadFiles bad{folder, options.skip_up_to};
    const detail::FolderList list = detail::list_images(folder);
    const bool labelled = !list.class_names.empty();
    struct Split {
        std::vector<std::uint8_t> bytes;
        std::vector<Label> labels;
    } splits[2];
    for (std::size_t i = 0; i < list.files.size(); ++i) {
        const auto& file = list.files[i];  // no structured binding: clang 14 cannot capture one in a lambda
        const std::optional<image::Pixels> image = bad.unless_bad(
            i, list.files.size(), [&] { return image::read_image(file.path, S::dims[2], options.limits); });
        if (!image) continue;
        Split& split = splits[Rng{options.seed}.split(i).uniform_double() < options.test_share ? 1 : 0];
        const image::Pixels fitted = image::resize_and_crop(*image, S::dims[0], S::dims[1]);
        split.bytes.insert(split.bytes.end(), fitted.values.begin(), fitted.values.end());
        if (labelled) split.labels.push_back(file.label);
    }
    const auto images = [&](Split& split) {
        const bool names = !split.labels.empty();
        return Images<S>{std::move(split.bytes), std::move(split.labels), list.class_names.size(),
                         names ? list.class_names : std::vector<std::string>{}};
    };
    return {images(splits[0]), images(splits[1]), list.files.size(), bad.count(), bad.take_reasons()};
}

}  // namespace tessera::data
