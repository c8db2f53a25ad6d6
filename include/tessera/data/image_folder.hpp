#pragma once
// load_image_folder: loads the PNGs and JPEGs of a folder, scaled and cropped to a shape, in gray or RGB.
//
//     load_image_folder<Shape<64, 64, 3>>(folder, {.test_share = 0.1})
//     image i goes to `test` where Rng{seed}.split(i).uniform_double() < test_share, otherwise to `train`
//
// Each folder in it is a class, with everything below it, as in torchvision's ImageFolder; a folder without folders has
// images without labels; folders called train, val and test are splits (data/image_list.hpp has the rules). Files are
// read in the order of that list, and whether one goes to `train` or `test` depends only on its position in it, so the
// same folder gives the same sets on every machine.
//
// Types are told by the first bytes, not by names. Everything that is not read is counted in `left_out`, by reason. A
// file that is named or begins like a PNG or JPEG, but is damaged or cannot be read, is an error with its path and
// position or, with `skip_up_to`, is skipped and counted; the other images stay where they would be.
//
// Shapes   train, val, test [images, height x width x channels], channels 1 or 3
// Errors   ArgumentError where a share is not in [0, 1], or divides a folder that has a split `test`; IoError where the
//          system fails; FormatError for an invalid image; DataError as list_image_folder, and where more files than
//          `skip_up_to`, or all of them, are invalid
// Cost     all images in memory, one byte a channel; one file at a time is decoded
//
// Over 250 lines: how files are read, fitted, counted and divided is shared with open_image_folder.

#include <tessera/core/error.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/data/image_list.hpp>
#include <tessera/data/images.hpp>
#include <tessera/data/left_out.hpp>
#include <tessera/image/decode_image.hpp>
#include <tessera/image/file_type.hpp>
#include <tessera/image/is_colour.hpp>
#include <tessera/image/resize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

struct ImageFolderOptions {
    double test_share = 0;   ///< probability in [0, 1] that an image goes to `test`
    std::uint64_t seed = 0;  ///< of the split into `train` and `test`
    double skip_up_to = 0;  ///< largest share of the files that may be invalid and are skipped; 0: each one is an error
    ReadLimits limits{};    ///< of a file and of an image
    image::DecodeOptions decode{};  ///< orientation, transparency, samples of 16 bits
    FolderLayout layout = FolderLayout::detect;
    std::vector<std::string> classes{};  ///< in the order of their labels, as another folder has them; empty: as found
};

/// How many images were changed to have the shape of the set.
struct Fitted {
    std::size_t to_gray = 0;  ///< stored in colour, loaded in gray
    std::size_t scaled = 0;   ///< had other sides
    std::size_t cropped = 0;  ///< had other proportions: what was outside the middle is lost
    std::size_t dark = 0;     ///< have 16 bits, 99 % of the values below an eighth of the range: nearly black
    std::size_t alpha = 0;    ///< have an alpha channel, and are shown on ImageFolderOptions::decode.background
    std::size_t flat = 0;     ///< have one value in every pixel, once loaded
};

template <StaticShape S>
struct ImageFolder {
    Images<S> train;
    Images<S> test;
    Images<S> val;                     ///< of a folder with splits
    std::size_t files = 0;             ///< number of files read: train, val, test and skipped together
    std::size_t skipped = 0;           ///< how many of them are not valid images
    std::vector<std::string> reasons;  ///< for the first few of them: position, path and error
    LeftOut left_out;                  ///< these and everything else that was not read, by reason
    Fitted fitted;
    bool has_test = false;  ///< there is a split test or val, perhaps without images
};

namespace detail {

inline std::string path_in_folder(const std::string& folder, const std::string& path) {
    return path.substr(folder.size() + (folder.ends_with('/') ? 0 : 1));
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
    std::invoke_result_t<F> unless_bad(std::size_t i, ImageList& list, F read) {
        const std::size_t files = list.images.size();
        const std::string where = "file " + std::to_string(i + 1) + " of " + std::to_string(files) + ": ";
        const auto count = [&](LeftOutReason reason, const std::string& why) {
            if (count_++ < reasons_kept) reasons_.push_back(where + why);
            list.left_out.add(reason, path_in_folder(folder_, list.images[i].path), {},
                              reason == LeftOutReason::unreadable ? reason_in(why) : std::string{});
        };
        try {
            return read();
        } catch (const FormatError& e) {
            if (share_ <= 0)
                throw FormatError(e.code(), "load_image_folder: " + where + e.what(), e.path(), e.offset());
            count(e.code() == FormatCode::limit ? LeftOutReason::too_large : LeftOutReason::damaged, e.what());
        } catch (const IoError& e) {
            if (share_ <= 0 || !concerns_one_file(e.reason()))
                throw IoError("load_image_folder: " + where + e.what(), e.path(), e.reason());
            count(LeftOutReason::unreadable, e.what());
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

    std::vector<std::string> take_reasons() { return std::move(reasons_); }

private:
    static constexpr std::size_t reasons_kept = 5;
    const std::string& folder_;
    double share_;
    std::size_t count_ = 0;
    std::vector<std::string> reasons_;
};

/// Sensors of 10 to 13 bits in samples of 16, perhaps with hot pixels.
inline bool is_nearly_black(const image::Pixels& pixels) {
    const auto bright = std::ranges::count_if(pixels.values, [](std::uint8_t v) { return v >= 32; });
    return static_cast<std::size_t>(bright) * 100 <= pixels.values.size();
}
/// Nothing is left of what it shows, such as of white digits on a transparent ground.
inline bool is_flat(const image::Pixels& pixels) {
    for (std::size_t i = pixels.channels; i < pixels.values.size(); ++i)
        if (pixels.values[i] != pixels.values[i - pixels.channels]) return false;
    return true;
}

/// Decodes a file and fits it to the shape. `static`, like everything that calls our copy of stb (image/stb.hpp): no
/// function or member that is shared by source files may call it, except through a pointer.
template <StaticShape S>
static image::Pixels decode_fitted(ByteView file, const std::string& path, const ImageFolderOptions& options,
                                   Fitted& fitted) {
    return with_fp_environment([&] {  // resizing rounds
        const image::Pixels pixels = image::decode_image(file, S::dims[2], path, options.limits, options.decode);
        fitted.to_gray += S::dims[2] == 1 && image::is_colour(file);
        fitted.scaled += pixels.height != S::dims[0] || pixels.width != S::dims[1];
        fitted.cropped += pixels.height * S::dims[1] != pixels.width * S::dims[0];
        fitted.dark += options.decode.significant_bits == 16 && image::has_16_bits(file) && is_nearly_black(pixels);
        fitted.alpha += options.decode.background && image::has_alpha(file);
        image::Pixels result = image::resize_and_crop(pixels, S::dims[0], S::dims[1]);
        fitted.flat += is_flat(result);
        return result;
    });
}
template <StaticShape S>
static image::Pixels read_fitted(const std::string& path, const ImageFolderOptions& options) {
    Fitted unused;
    return decode_fitted<S>(read_file(path, options.limits.file), path, options, unused);
}

/// The files of a folder, one after another; what load_image_folder and open_image_folder share.
class FolderReader {
public:
    FolderReader(const std::string& folder, const ImageFolderOptions& options)
        : folder_{folder}, options_{options}, bad_{folder_, options.skip_up_to} {
        if (!(options.test_share >= 0 && options.test_share <= 1))
            throw ArgumentError("load_image_folder: test_share: " +
                                expected_got("0 to 1", std::to_string(options.test_share)));
        list_ = list_image_folder(folder, options.layout, options.classes);
        const bool has_test = std::ranges::any_of(list_.images, [](const auto& i) { return i.split == Split::test; });
        if (options.test_share > 0 && has_test)
            throw ArgumentError("load_image_folder: " + folder + ": test_share: " +
                                expected_got("0, as the folder has a split test", std::to_string(options.test_share)));
    }

    const ImageList& list() const { return list_; }
    const Fitted& fitted() const { return fitted_; }
    std::vector<std::string> take_reasons() { return bad_.take_reasons(); }
    LeftOut take_left_out() { return std::move(list_.left_out); }

    /// Where image i belongs.
    Split split_of(std::size_t i) const {
        const Split split = list_.images[i].split;
        const bool moved = split == Split::train && Rng{options_.seed}.split(i).uniform_double() < options_.test_share;
        return moved ? Split::test : split;
    }
    /// The pixels of file i, as `decode` gives them. Nothing for a file that is skipped; it has been counted.
    using Decode = image::Pixels (*)(ByteView, const std::string&, const ImageFolderOptions&, Fitted&);
    std::optional<image::Pixels> read(std::size_t i, Decode decode) {
        return bad_.unless_bad(i, list_, [&]() -> std::optional<image::Pixels> {
            const Bytes bytes = read_file(list_.images[i].path, options_.limits.file);
            if (is_of_other_type(bytes, i)) return std::nullopt;
            return decode(bytes, list_.images[i].path, options_, fitted_);
        });
    }
    /// False for an image of a type that is not read although it is named like one that is; it has been counted.
    bool has_readable_type(std::size_t i) {
        return bad_
            .unless_bad(i, list_,
                        [&]() -> std::optional<bool> {
                            InputFile<> file{list_.images[i].path};
                            Bytes start(static_cast<std::size_t>(
                                (std::min)(file.size(), std::uint64_t{image::file_type_bytes})));
                            file.read(0, start);
                            return !is_of_other_type(start, i);
                        })
            .value_or(false);
    }
    /// DataError where nothing was loaded.
    void finish(std::size_t loaded) const {
        if (loaded == 0)
            refuse_folder(folder_, expected_got("PNG or JPEG files", "none") + "; left out: " + list_.left_out.text());
    }

private:
    bool is_of_other_type(ByteView file, std::size_t i) {
        const image::FileType type = image::file_type(file);
        if (image::can_decode(type) || type == image::FileType::unknown) return false;
        list_.left_out.add(LeftOutReason::other_type, path_in_folder(folder_, list_.images[i].path),
                           std::string{image::name_of(type)});
        return true;
    }

    std::string folder_;
    const ImageFolderOptions& options_;
    BadFiles bad_;
    ImageList list_;
    Fitted fitted_;
};

}  // namespace detail

template <StaticShape S>
    requires(S::rank == 3 && (S::dims[2] == 1 || S::dims[2] == 3))
[[nodiscard]] static ImageFolder<S> load_image_folder(const std::string& folder,
                                                      const ImageFolderOptions& options = {}) {
    detail::FolderReader reader{folder, options};
    const ImageList& list = reader.list();
    struct Part {
        std::vector<std::uint8_t> bytes;
        std::vector<Label> labels;
        std::size_t size = 0;
    } parts[3];
    for (std::size_t i = 0; i < list.images.size(); ++i) {
        const std::optional<image::Pixels> image = reader.read(i, detail::decode_fitted<S>);
        if (!image) continue;
        Part& part = parts[static_cast<std::size_t>(reader.split_of(i))];
        part.bytes.insert(part.bytes.end(), image->values.begin(), image->values.end());
        if (list.labelled()) part.labels.push_back(list.images[i].label);
        ++part.size;
    }
    const std::size_t loaded = parts[0].size + parts[1].size + parts[2].size;
    reader.finish(loaded);
    const auto images = [&](Split split) {
        Part& part = parts[static_cast<std::size_t>(split)];
        const bool labelled = !part.labels.empty();
        return Images<S>{std::move(part.bytes), std::move(part.labels), list.class_names.size(),
                         labelled ? list.class_names : std::vector<std::string>{}};
    };
    const std::size_t files = list.images.size();
    return {images(Split::train),  images(Split::test),    images(Split::val), files,        files - loaded,
            reader.take_reasons(), reader.take_left_out(), reader.fitted(),    list.has_test};
}

}  // namespace tessera::data
