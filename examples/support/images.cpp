// Reads data sets and writes PNGs: the only file of the program that includes stb.

#include "material.hpp"
#include "pictures.hpp"

#include <tessera/core/read_limits.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/data/image.hpp>
#include <tessera/files/file.hpp>
#include <tessera/files/looks_like.hpp>
#include <tessera/files/utf8.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace digits {

namespace fs = std::filesystem;
namespace data = tessera::data;
namespace image = tessera::image;

namespace {

// Of a name that load_mnist reads: "" of train-images-idx3-ubyte, "emnist-letters-" of EMNIST's.
std::optional<std::string> idx_prefix(std::string name) {
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    for (const std::string half : {"train", "t10k", "test"})
        for (const auto& [what, ending] : {std::pair{"-images", "idx3-ubyte"}, std::pair{"-labels", "idx1-ubyte"}})
            for (const char* dot : {"-", "."}) {
                const std::string known = half + what + dot + ending;
                if (!name.ends_with(known)) continue;
                const std::string prefix = name.substr(0, name.size() - known.size());
                if (prefix.empty() || prefix.starts_with("emnist-")) return prefix;
            }
    return {};
}

struct IdxFiles {
    bool any = false;
    std::set<std::string> sets;  // prefixes of the images for training, which say how many sets there are
};

// A file may be in a folder of its name, as Kaggle's are.
IdxFiles find_idx_files(const fs::path& folder) {
    IdxFiles found;
    std::error_code error;
    fs::directory_iterator entry{folder, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
        const fs::path name = entry->path().filename();
        const auto prefix = idx_prefix(name.string());
        std::error_code ignored;
        if (!prefix || !(entry->is_regular_file(ignored) || fs::is_regular_file(entry->path() / name, ignored)))
            continue;
        found.any = true;
        if (name.string().starts_with(*prefix + "train-images")) found.sets.insert(*prefix);
    }
    return found;
}

// load_mnist can take the prefix of a set; this program has no option for it.
void check_one_set(const std::string& where, const std::set<std::string>& sets) {
    if (sets.size() < 2 || sets.contains("")) return;
    std::string names;
    for (const std::string& prefix : sets) names += (names.empty() ? "" : ", ") + prefix.substr(0, prefix.size() - 1);
    throw tessera::DataError(where + ": expected the files of one set, got those of " + std::to_string(sets.size()) +
                             " (" + names + "): move the four files of one set into a separate folder and pass that");
}

// What is not a folder: nothing, or a file, such as the archive of the folder.
[[noreturn]] void refuse_folder(const std::string& path, const std::string& option) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) throw tessera::IoError(option + path + ": there is no such folder");
    if (status.type() != fs::file_type::regular)
        throw tessera::IoError(option + path + ": expected a folder, got " +
                               (error ? error.message() : "a pipe or a device"));
    std::string start(512, '\0');
    std::ifstream file{path, std::ios::binary};
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(file.gcount()));
    throw tessera::IoError(option + path + ": expected a folder, got a file" +
                           tessera::looks_like(tessera::io::as_bytes(start)));
}

enum class Kind { idx, sheets, images, nothing };

// How a folder is read follows from its contents; there is no option for it.
Kind kind_of(const std::string& folder, const std::string& option) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) refuse_folder(folder, option);
    if (fs::exists(folder + "/digits-train.png", error) && fs::exists(folder + "/digits-test.png", error))
        return Kind::sheets;
    for (const std::string& place : {folder, folder + "/raw"}) {  // raw: as torchvision stores them
        const IdxFiles found = find_idx_files(place);
        check_one_set(option + place, found.sets);
        if (found.any) return Kind::idx;
    }
    Kind kind = Kind::nothing;
    fs::directory_iterator entry{folder, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with('.')) kind = Kind::images;  // or whatever load_image_folder says that it is
    }
    if (error) throw tessera::IoError(option + folder + ": " + error.message());
    return kind;
}

std::vector<std::size_t> part(const std::vector<std::uint32_t>& order, std::size_t first, std::size_t count) {
    return {order.begin() + static_cast<std::ptrdiff_t>(first),
            order.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

// One image in ten is kept for testing.
Material divide(const Images& all, const std::string& folder, const tessera::Rng& rng) {
    if (all.size() < 2)
        throw tessera::DataError("--data: " + folder +
                                 ": expected at least 2 images, one to learn from and one to test with, got " +
                                 std::to_string(all.size()));
    const std::size_t test = std::max<std::size_t>(1, all.size() / 10);
    const auto order = data::permutation(all.size(), rng);
    return {all.subset(part(order, test, all.size() - test)),
            all.subset(part(order, 0, test)),
            "images of " + folder,
            {},
            {}};
}

// The first folder below that has IDX files, at most two levels down: torchvision's MNIST/raw, EMNIST's gzip.
std::string find_idx_folder(const std::string& folder) {
    std::error_code error;
    fs::recursive_directory_iterator entry{folder, fs::directory_options::skip_permission_denied, error};
    for (; !error && entry != fs::recursive_directory_iterator{}; entry.increment(error)) {
        std::error_code ignored;
        if (!entry->is_directory(ignored)) continue;
        if (find_idx_files(entry->path()).any) return entry->path().string();
        if (entry.depth() >= 1) entry.disable_recursion_pending();
    }
    return {};
}

// A set like MNIST whose files are called otherwise is read as a folder of images, which then has none.
bool has_idx_like_name(const std::string& folder) {
    std::error_code error;
    fs::directory_iterator entry{folder, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error))
        if (entry->path().filename().string().find("ubyte") != std::string::npos) return true;
    return false;
}

std::string describe_fit(const data::Fitted& fitted, std::size_t images) {
    std::string text;
    const auto add = [&](std::size_t count, const std::string& what) {
        if (count == 0) return;
        text += (text.empty() ? "" : ", ") + std::to_string(count) + " of " + std::to_string(images) + ' ' + what;
    };
    add(fitted.to_gray, "images were in colour and are gray now");
    add(fitted.scaled - std::min(fitted.cropped, fitted.scaled), "were scaled to 28 x 28");
    add(fitted.cropped, "were cut to a square of 28 x 28");
    add(fitted.dark, "have 16 bits and are nearly black: spread their values over 0 to 65535 before");
    add(fitted.alpha, "have an alpha channel and are shown on white");
    add(fitted.flat, "have one value in all pixels now");
    return text;
}

// The test images are those of the split test, or else val, or else one image in ten.
Material read_folder(const Options& options, const std::string& folder, const tessera::Rng& rng) {
    auto found = data::load_image_folder<Image>(folder, {.skip_up_to = options.skip_bad});
    const bool splits = found.test.size() != 0 || found.val.size() != 0;
    Material material;
    if (found.has_test && !splits)
        throw tessera::DataError("--data: " + folder +
                                 ": expected images in the split test or val, which are folders here, got none" +
                                 (found.left_out.empty() ? "" : "; left out: " + found.left_out.text()) +
                                 ": pass the folder of train to test with a tenth of its images");
    if (!splits) {
        material = divide(found.train, folder, rng);
    } else {
        if (found.train.size() == 0)
            throw tessera::DataError("--data: " + folder + ": expected images in the split train, got none");
        const bool test = found.test.size() != 0;
        if (test && found.val.size() != 0)
            material.notes.push_back(
                "the " + std::to_string(found.val.size()) +
                " images of the split val are not used; those of the split test are used for testing");
        material.train = std::move(found.train);
        material.test = test ? std::move(found.test) : std::move(found.val);
        material.description = "images of " + folder;
    }
    material.fit = describe_fit(found.fitted, found.files - found.skipped);
    if (!found.left_out.empty()) material.notes.push_back("left out: " + found.left_out.text());
    if (found.reasons.empty()) return material;
    material.description += " without " + std::to_string(found.skipped) +
                            (found.skipped == 1 ? " bad file of " : " bad files of ") + std::to_string(found.files);
    for (const std::string& reason : found.reasons) material.notes.push_back("skipped: " + reason);
    if (found.skipped > found.reasons.size()) material.notes.push_back("skipped: ...");
    return material;
}

// The name of a folder made printable: on disk it may contain any bytes, also line breaks and invalid UTF-8.
std::string shown(const std::string& name) {
    const std::string text = tessera::io::printable(name);
    if (tessera::io::first_invalid_utf8(tessera::io::as_bytes(text)) == text.size()) return text;
    std::string escaped;
    for (const char c : text) {
        const auto b = static_cast<unsigned char>(c);
        if (b < 0x80)
            escaped += c;
        else
            ((escaped += "\\x") += "0123456789abcdef"[b >> 4]) += "0123456789abcdef"[b & 15];
    }
    return escaped;
}

}  // namespace

std::vector<std::string> Material::class_names() const {
    if (!train.labelled()) return {};
    std::vector<std::string> names;
    for (const std::string& name : train.class_names()) names.push_back(shown(name));
    if (!names.empty()) return names;
    for (std::size_t c = 0; c < train.classes(); ++c) names.push_back(std::to_string(c));
    return names;
}

Material load_material(const Options& options) {
    const std::string& folder = options.data.empty() ? options.bundled : options.data;
    const tessera::Rng rng = tessera::Rng{options.seed}.split(0);
    Material material;
    switch (kind_of(folder, options.data.empty() ? "--bundled: " : "--data: ")) {
    case Kind::images:
        try {
            material = read_folder(options, folder, rng);
        } catch (const tessera::DataError& e) {
            if (const std::string below = find_idx_folder(folder); !below.empty())
                throw tessera::DataError(std::string{e.what()} + "; there are IDX files in " + below +
                                         ": pass that folder");
            if (!has_idx_like_name(folder)) throw;
            throw tessera::DataError(std::string{e.what()} +
                                     "; a set like MNIST has train-images-idx3-ubyte, train-labels-idx1-ubyte, "
                                     "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each also with .gz");
        }
        break;
    case Kind::nothing:
        throw tessera::DataError(
            "--data: " + folder +
            ": expected the four IDX files of a set like MNIST, or PNG or JPEG images, found neither");
    case Kind::idx:
    case Kind::sheets: {
        data::Mnist mnist = data::load_mnist(folder);
        material = {std::move(mnist.train),
                    std::move(mnist.test),
                    options.data.empty() ? "bundled digits" : "images of " + folder,
                    {},
                    {}};
        if (!mnist.left_out.empty()) material.notes.push_back("left out: " + mnist.left_out.text());
        if (options.skip_bad > 0) material.notes.push_back("--skip-bad has no effect: this is not a folder of images");
    }
    }
    if (options.limit != 0) {
        const auto cut = [&](Images& images, std::uint64_t stream) {
            const std::size_t n = std::min(options.limit, images.size());
            images = images.subset(part(data::permutation(images.size(), rng.split(stream)), 0, n));
        };
        cut(material.train, 1);
        cut(material.test, 2);
    }
    return material;
}

Images load_pictures(const std::string& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
        const auto folder = data::load_image_folder<Image>(path);
        if (!folder.left_out.empty()) std::printf("left out: %s\n", folder.left_out.text().c_str());
        const std::size_t images = folder.train.size() + folder.val.size() + folder.test.size();
        if (const std::string fit = describe_fit(folder.fitted, images); !fit.empty()) std::printf("%s\n", fit.c_str());
        std::vector<std::uint8_t> bytes;
        for (const Images* split : {&folder.train, &folder.val, &folder.test})
            bytes.insert(bytes.end(), split->bytes().begin(), split->bytes().end());
        return Images{std::move(bytes)};
    }
    if (image::is_colour(tessera::read_file(path, tessera::ReadLimits{}.file)))
        std::printf("the sheet was in colour and is gray now\n");
    return data::load_contact_sheet<Image>(path, 0);
}

ReadPictures read_pictures(const std::vector<std::string>& paths) {
    std::vector<std::uint8_t> bytes;
    data::Fitted fitted;
    for (const std::string& path : paths) {
        const tessera::Bytes file = tessera::read_file(path, tessera::ReadLimits{}.file);
        const image::Pixels pixels = data::detail::decode_fitted<Image>(file, path, {}, fitted);
        bytes.insert(bytes.end(), pixels.values.begin(), pixels.values.end());
    }
    const Images images{std::move(bytes)};
    Picture pictures{paths.size()};
    for (std::size_t i = 0; i < paths.size(); ++i) images.copy(i, pictures[i]);
    return {std::move(pictures), describe_fit(fitted, paths.size())};
}

std::vector<std::size_t> row_lengths(std::size_t count, std::size_t rows) {
    rows = std::clamp<std::size_t>(rows, 1, std::max<std::size_t>(count, 1));
    std::vector<std::size_t> lengths(rows, count / rows);
    for (std::size_t r = 0; r < count % rows; ++r) ++lengths[r];
    return lengths;
}

tessera::Bytes png_rows(const Picture& images, const std::vector<std::size_t>& lengths) {
    const std::size_t columns = std::ranges::max(lengths);
    Picture cells{lengths.size() * columns};
    std::size_t from = 0;
    for (std::size_t r = 0; r < lengths.size(); ++r)
        for (std::size_t c = 0; c < lengths[r]; ++c) std::ranges::copy(images[from++], cells[r * columns + c].begin());
    return png_grid(cells, columns);
}

tessera::Bytes png_grid(const Picture& images, std::size_t columns) {
    return image::encode_png(image::png_grid(images.view(), columns));
}

tessera::Bytes png_grid_of_middles(const Picture& images, std::size_t columns) {
    constexpr std::size_t side = 12, all = Image::dims[0], edge = (all - side) / 2;
    tessera::Tensor<float, tessera::Shape<side, side, 1>> middles{images.batch()};
    for (std::size_t n = 0; n < images.batch(); ++n)
        for (std::size_t y = 0; y < side; ++y)
            std::ranges::copy(images[n].subspan((y + edge) * all + edge, side), middles[n].subspan(y * side).begin());
    return image::encode_png(image::png_grid(middles.view(), columns));
}

}  // namespace digits
