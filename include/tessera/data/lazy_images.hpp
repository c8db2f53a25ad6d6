#pragma once
// LazyImages, open_image_folder: the images of a folder as a dataset that decodes them when they are copied.
//
//     const auto set = data::open_image_folder<Shape<64, 64, 3>>(folder, {.test_share = 0.1});
//     set.train, set.test, set.val      the sets of load_image_folder, in the same order and with the same bits
//
// For sets that are larger than memory: what is kept is the path and label of each image. Each copy reads and decodes a
// file; data/read_ahead.hpp does that in other threads, a batch ahead of the training step.
//
// A relative folder is remembered together with the current folder of that moment, which the program may change later.
//
// A damaged file is an error when it is copied, which may be late in a run. With `skip_up_to` every file is decoded
// once at the beginning, so that the sets are those of load_image_folder without the bad files.
//
// Shapes   an example [height x width x channels], channels 1 or 3
// Errors   those of load_image_folder; copy throws FormatError for an invalid image, IoError for one that cannot be
//          read, and DataError where a `Read` of the host returns another number of bytes, with its path
// Cost     about 100 bytes an image, mostly its path: 100,000 images took 9.3 MiB (27 MiB while they were listed) and
//          1.3 s to open; load_image_folder took 1,187 MiB for them at 64 x 64 x 3 (1,558 MiB at its peak) and 17 s. A
//          copy reads a file and decodes it. Threads may copy at once

#include <tessera/core/error.hpp>
#include <tessera/core/label.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/image_folder.hpp>
#include <tessera/data/image_list.hpp>
#include <tessera/data/left_out.hpp>
#include <tessera/files/file.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

template <StaticShape S>
    requires(S::rank == 3 && (S::dims[2] == 1 || S::dims[2] == 3))
class LazyImages {
public:
    using Example = View<const float, S>;

    LazyImages() = default;
    /// Reads an image file and fits it to the shape; open_image_folder passes that of its source file (image/stb.hpp).
    using Read = image::Pixels (*)(const std::string& path, const ImageFolderOptions& options);
    /// `base` is put in front of the path of each image that is read; "": nothing.
    LazyImages(std::vector<ListedImage> images, std::vector<std::string> class_names, Read read,
               const ImageFolderOptions& options = {}, std::string base = {})
        : images_{std::move(images)},
          class_names_{std::move(class_names)}, options_{options}, read_{read}, base_{std::move(base)} {}

    [[nodiscard]] std::size_t size() const { return images_.size(); }
    /// Begins with the folder as it was given.
    [[nodiscard]] const std::string& path(std::size_t i) const { return images_[i].path; }
    void copy(std::size_t i, std::span<float, S::size> destination) const {
        const image::Pixels pixels = read_(base_ + images_[i].path, options_);
        if (pixels.values.size() != S::size)
            throw DataError("LazyImages: " + images_[i].path + ": bytes: " +
                            expected_got(S::size, pixels.values.size()) + ", from the function that reads it");
        for (std::size_t k = 0; k < S::size; ++k) destination[k] = static_cast<float>(pixels.values[k]) / 255.0f;
    }
    [[nodiscard]] bool labelled() const { return !class_names_.empty() && !images_.empty(); }
    [[nodiscard]] Label label(std::size_t i) const { return images_[i].label; }
    [[nodiscard]] std::size_t classes() const { return class_names_.size(); }
    [[nodiscard]] const std::vector<std::string>& class_names() const { return class_names_; }

private:
    std::vector<ListedImage> images_;
    std::vector<std::string> class_names_;
    ImageFolderOptions options_;
    Read read_ = nullptr;  // without images
    std::string base_;
};

template <StaticShape S>
struct LazyImageFolder {
    LazyImages<S> train;
    LazyImages<S> test;
    LazyImages<S> val;                 ///< of a folder with splits
    std::size_t files = 0;             ///< number of files: train, val, test and skipped together
    std::size_t skipped = 0;           ///< how many of them are not valid images, as far as that is known
    std::vector<std::string> reasons;  ///< for the first few of them: position, path and error
    LeftOut left_out;                  ///< these and everything else that is not read, by reason
    std::optional<Fitted> fitted;      ///< of the images, where they were decoded at the beginning: with `skip_up_to`
};

template <StaticShape S>
    requires(S::rank == 3 && (S::dims[2] == 1 || S::dims[2] == 3))
[[nodiscard]] static LazyImageFolder<S> open_image_folder(const std::string& folder,
                                                          const ImageFolderOptions& options = {}) {
    detail::FolderReader reader{folder, options};
    std::string base = lasting_path(folder);
    base.resize(base.size() - folder.size());
    std::vector<ListedImage> parts[3];
    const bool decodes = options.skip_up_to > 0;
    for (std::size_t i = 0; i < reader.list().images.size(); ++i) {
        const bool good = decodes ? reader.read(i, detail::decode_fitted<S>).has_value() : reader.has_readable_type(i);
        if (good) parts[static_cast<std::size_t>(reader.split_of(i))].push_back(reader.list().images[i]);
    }
    const std::size_t loaded = parts[0].size() + parts[1].size() + parts[2].size();
    reader.finish(loaded);
    const auto images = [&](Split split) {
        return LazyImages<S>{std::move(parts[static_cast<std::size_t>(split)]), reader.list().class_names,
                             detail::read_fitted<S>, options, base};
    };
    const std::size_t files = reader.list().images.size();
    return {images(Split::train),   images(Split::test),
            images(Split::val),     files,
            files - loaded,         reader.take_reasons(),
            reader.take_left_out(), decodes ? std::optional{reader.fitted()} : std::nullopt};
}

}  // namespace tessera::data
