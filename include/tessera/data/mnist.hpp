#pragma once
// load_mnist: loads MNIST or a dataset in the same files (Fashion-MNIST, KMNIST, EMNIST) from a folder, as downloaded.
//
//     train-images-idx3-ubyte  train-labels-idx1-ubyte  t10k-images-idx3-ubyte  t10k-labels-idx1-ubyte
//
// The images are 28 x 28 gray. Each file may be plain or compressed, whatever its name ends in, may have "." before
// idx, and may be in a folder of its name, as Kaggle's archive is unpacked; all may be in the folder raw, where
// torchvision stores them. EMNIST's files have a prefix ("emnist-letters-"), "test" for "t10k", and transposed images,
// which are transposed back. A folder without any of these files may have the contact sheets digits-train.png and
// digits-test.png, with ten equal bands of rows for the ten classes.
//
// An empty file is not read where there is another spelling of it, such as the .gz that it was to be unpacked from.
// Other files and folders next to those that were read, such as a second copy in another spelling or a folder of
// images, are counted in Mnist::left_out; texts (.md, .txt) and hidden files are not.
//
// Errors   IoError where the folder or a file is missing or cannot be read; FormatError where a file is malformed,
//          exceeds the limits, or does not have the expected size; DataError where a label is out of range, and where
//          the folder has several sets of EMNIST and no prefix is given
// Cost     all images in memory, one byte a pixel

#include <tessera/core/error.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/data/contact_sheet.hpp>
#include <tessera/data/detail/folder_entries.hpp>
#include <tessera/data/detail/some_of.hpp>
#include <tessera/data/idx_file.hpp>
#include <tessera/data/images.hpp>
#include <tessera/data/left_out.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

struct Mnist {
    Images<Shape<28, 28, 1>> train;
    Images<Shape<28, 28, 1>> test;
    LeftOut left_out{};  ///< bytes after an array, and what the folder has besides
};

namespace detail {

struct MnistHalf {
    Bytes images;
    std::vector<Label> labels;
};

inline bool is_file(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
}

/// The path of "train-images-idx3-ubyte" in one of its spellings; empty if there is none. An empty file, such as an
/// interrupted gunzip leaves next to its archive, is taken only where there is no other.
inline std::string find_idx(const std::string& start, std::initializer_list<const char*> halves, const char* what,
                            const char* ending) {
    std::string empty;
    for (const char* half : halves)
        for (const char* dot : {"-", "."})
            for (const char* gz : {"", ".gz"})
                for (const bool inside : {false, true}) {
                    const std::string name = std::string{half} + '-' + what + dot + ending + gz;
                    std::string path = start + name;
                    if (inside) path += '/' + path.substr(path.rfind('/') + 1);
                    if (!is_file(path)) continue;
                    std::error_code unknown;
                    if (std::filesystem::file_size(path, unknown) != 0) return path;  // also where it is unknown
                    if (empty.empty()) empty = path;
                }
    return empty;
}

/// Counts what a folder has besides the files that were read, of which `used` has the paths. A file may be in a folder
/// of its name.
inline void add_not_chosen(const std::string& folder, std::span<const std::string> used, LeftOut& left_out) {
    std::vector<std::filesystem::path> found;
    std::error_code error;
    std::filesystem::directory_iterator entry{folder, error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error))
        found.push_back(entry->path());
    std::ranges::sort(found, [](const auto& a, const auto& b) { return a.native() < b.native(); });
    for (const std::filesystem::path& path : found) {
        const std::string name = path.filename().string(), ending = path.extension().string();
        const std::string begin = folder + '/' + name;
        const bool is_used = std::ranges::any_of(
            used, [&](const std::string& file) { return file == begin || file.starts_with(begin + '/'); });
        if (is_used || is_hidden(name) || ending == ".md" || ending == ".txt") continue;
        std::error_code ignored;
        const bool is_folder = std::filesystem::is_directory(path, ignored);
        left_out.add(LeftOutReason::not_chosen, name, is_folder ? "folder" : ending);
    }
}

/// "a, b, c" or "nothing".
inline std::string names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entry{folder, error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error))
        names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names.empty() ? "nothing" : some_of(names);
}

/// "emnist-letters-" for each set of EMNIST in the folder.
inline std::set<std::string> emnist_prefixes(const std::string& folder) {
    std::set<std::string> prefixes;
    std::error_code error;
    std::filesystem::directory_iterator entry{folder, error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const std::size_t end = name.find("train-images");
        if (!name.starts_with("emnist-") || end == std::string::npos) continue;
        for (const char* readable : {"-idx3-ubyte", "-idx3-ubyte.gz", ".idx3-ubyte", ".idx3-ubyte.gz"})
            if (name.substr(end + std::string_view{"train-images"}.size()) == readable)
                prefixes.insert(name.substr(0, end));
    }
    if (error) throw IoError("load_mnist: " + folder + ": " + error.message(), folder, error.value());
    return prefixes;
}

inline MnistHalf load_half(const std::string& image_path, const std::string& label_path, std::size_t classes,
                           bool on_side, const ReadLimits& limits, LeftOut& left_out) {
    MnistHalf half{read_idx_file<3>(image_path, limits), {}};
    const Bytes label_file = read_idx_file<1>(label_path, limits);
    const Idx<3> images = parse_idx<3>(half.images, image_path);
    const Idx<1> label_array = parse_idx<1>(label_file, label_path);
    const auto [count, height, width] = images.dims;
    const ByteView labels = label_array.values;
    for (const auto& [path, surplus] :
         {std::pair{image_path, images.surplus}, std::pair{label_path, label_array.surplus}})
        if (surplus != 0) left_out.add(LeftOutReason::surplus, path, {}, std::to_string(surplus) + " bytes");
    if (height != 28 || width != 28)
        malformed(FormatCode::image, image_path, 8,
                  "image: " + expected_got("28 x 28", std::to_string(height) + " x " + std::to_string(width)));
    if (labels.size() != count)
        malformed(
            FormatCode::mismatch, label_path, 4,
            "count: " + expected_got(std::to_string(count) + " (as many as images)", std::to_string(labels.size())) +
                "; the images are those of " + image_path);
    for (std::size_t i = 0; i < count; ++i)
        if (labels[i] >= classes)
            throw DataError("load_mnist: " + label_path + ": label " + std::to_string(i) + ": " +
                            expected_got("less than " + std::to_string(classes), std::to_string(labels[i])));
    for (const unsigned char label : labels) half.labels.push_back(Label{label});
    half.images.resize(idx_header<3> + count * 784);
    half.images.erase(half.images.begin(), half.images.begin() + idx_header<3>);
    for (std::size_t n = 0; on_side && n < count; ++n)
        for (std::size_t y = 0; y < 28; ++y)
            for (std::size_t x = 0; x < y; ++x)
                std::swap(half.images[n * 784 + y * 28 + x], half.images[n * 784 + x * 28 + y]);
    return half;
}

}  // namespace detail

/// `prefix` chooses among several sets of EMNIST in one folder: "emnist-balanced-".
[[nodiscard]] static inline Mnist load_mnist(const std::string& folder, const ReadLimits& limits = {},
                                             std::string prefix = {}) {
    using Digits = Images<Shape<28, 28, 1>>;
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        throw IoError("load_mnist: " + folder + ": there is no such folder", folder);

    std::string path[4];
    const auto find = [&] {
        const std::string start = folder + '/' + prefix;
        path[0] = detail::find_idx(start, {"train"}, "images", "idx3-ubyte");
        path[1] = detail::find_idx(start, {"train"}, "labels", "idx1-ubyte");
        path[2] = detail::find_idx(start, {"t10k", "test"}, "images", "idx3-ubyte");
        path[3] = detail::find_idx(start, {"t10k", "test"}, "labels", "idx1-ubyte");
        return !std::ranges::all_of(path, &std::string::empty);
    };
    if (!find() && prefix.empty()) {
        const std::string train = folder + "/digits-train.png", test = folder + "/digits-test.png";
        if (detail::is_file(train) && detail::is_file(test)) {
            Mnist sheets{load_contact_sheet<Shape<28, 28, 1>>(train, 10, limits),
                         load_contact_sheet<Shape<28, 28, 1>>(test, 10, limits)};
            detail::add_not_chosen(folder, std::array{train, test}, sheets.left_out);
            return sheets;
        }
        const std::set<std::string> prefixes = detail::emnist_prefixes(folder);
        if (prefixes.size() > 1)
            throw DataError(
                "load_mnist: " + folder +
                ": the folder has several sets: give one its own folder, or pass its prefix: " + *prefixes.begin());
        if (!prefixes.empty()) {
            prefix = *prefixes.begin();
            find();
        } else if (std::ranges::all_of(path, &std::string::empty) &&
                   std::filesystem::is_directory(folder + "/raw", ignored)) {
            Mnist set = load_mnist(folder + "/raw", limits);
            detail::add_not_chosen(folder, std::array{folder + "/raw/"}, set.left_out);
            return set;
        }
    }
    std::string missing;
    constexpr const char* names[4]{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                   "t10k-labels-idx1-ubyte"};
    for (std::size_t i = 0; i < 4; ++i)
        if (path[i].empty()) missing += ' ' + prefix + names[i];
    if (!missing.empty())
        throw IoError("load_mnist: " + folder + ": missing:" + missing +
                      " (looked for them also with .gz, with \".\" before idx, with \"test\" for \"t10k\" and with an "
                      "emnist prefix, and for digits-train.png with digits-test.png); the folder has " +
                      detail::names_in(folder));

    const bool emnist = prefix.starts_with("emnist");
    const std::size_t most = emnist ? 62 : 10;  // EMNIST: digits, and letters in both cases
    LeftOut left_out;
    detail::MnistHalf train = detail::load_half(path[0], path[1], most, emnist, limits, left_out);
    detail::MnistHalf test = detail::load_half(path[2], path[3], most, emnist, limits, left_out);
    detail::add_not_chosen(folder, path, left_out);
    std::size_t classes = emnist ? 0 : 10;
    if (emnist)  // 10 to 62 classes, and some sets count from 1
        for (const std::vector<Label>* labels : {&train.labels, &test.labels})
            for (const Label label : *labels) classes = (std::max)(classes, label.index + std::size_t{1});
    return {Digits{std::move(train.images), std::move(train.labels), classes},
            Digits{std::move(test.images), std::move(test.labels), classes}, std::move(left_out)};
}

}  // namespace tessera::data
