#pragma once
// LazyIdx: the images of an IDX file as a dataset that reads them when they are copied.
//
//     const data::LazyIdx<Shape<28, 28, 1>> train{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
//     example i = bytes [16 + i height width, ...) / 255, as Images has them
//
// For files that are larger than memory. A compressed file has no place for image i, so it is refused: unpack it first.
// data/read_ahead.hpp reads in another thread, a batch ahead of the training step.
//
// Shapes   an example [height x width x 1]; the file [images x height x width]
// Errors   FormatError where a file is malformed, compressed, of another size or count; DataError where a label is not
//          below `classes`; copy throws IoError where the system fails
// Cost     4 bytes an image for its label (100,000 images: 0.4 MB); a copy is one system call. Threads may copy at once

#include <tessera/core/error.hpp>
#include <tessera/core/read_limits.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/idx_file.hpp>
#include <tessera/data/labels.hpp>
#include <tessera/data/left_out.hpp>
#include <tessera/files/file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

template <StaticShape S>
    requires(S::rank == 3 && S::dims[2] == 1)
class LazyIdx {
public:
    using Example = View<const float, S>;

    /// `label_path` empty: no labels. `classes` 0: one more than the largest label.
    explicit LazyIdx(const std::string& image_path, const std::string& label_path = {}, std::size_t classes = 0,
                     const ReadLimits& limits = {})
        : file_{std::make_unique<File>(image_path)} {
        InputFile<>& file = file_->input;
        std::array<unsigned char, idx_header<3>> bytes{};
        const ByteView header{bytes.data(),
                              static_cast<std::size_t>((std::min)(file.size(), std::uint64_t{bytes.size()}))};
        file.read(0, {bytes.data(), header.size()});
        if (image::is_gzip(header))
            malformed(FormatCode::idx, image_path, 0, "is compressed: unpack it to read single images");
        const std::uint64_t expected = idx_file_size<3>(header, image_path);
        const std::size_t count = big_endian_32(header, 4), height = big_endian_32(header, 8),
                          width = big_endian_32(header, 12);
        if (height != S::dims[0] || width != S::dims[1])
            malformed(FormatCode::image, image_path, 8,
                      "image: " + expected_got(std::to_string(S::dims[0]) + " x " + std::to_string(S::dims[1]),
                                               std::to_string(height) + " x " + std::to_string(width)));
        if (file.size() < expected || file.size() >= expected + S::size)
            malformed(FormatCode::size, image_path, 4,
                      "IDX length: " + expected_got(std::to_string(expected), std::to_string(file.size())) +
                          " bytes: the header counts " + std::to_string(count) + ", the file has " +
                          std::to_string((file.size() - idx_header<3>) / S::size));
        size_ = count;
        count_surplus(image_path, file.size() - expected);
        if (label_path.empty()) return;
        const Bytes label_file = read_idx_file<1>(label_path, limits);
        const Idx<1> label_array = parse_idx<1>(label_file, label_path);
        count_surplus(label_path, label_array.surplus);
        std::vector<Label> labels;
        for (const unsigned char label : label_array.values) labels.push_back(Label{label});
        labels_ = Labels{std::move(labels), classes, size_, "LazyIdx: " + label_path};
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    void copy(std::size_t i, std::span<float, S::size> destination) const {
        // The bytes are read into the last quarter of their floats, which overwrite only what has been converted: on
        // the stack an image of 1024 x 1024 would need 1 MiB.
        unsigned char* pixels = reinterpret_cast<unsigned char*>(destination.data()) + (sizeof(float) - 1) * S::size;
        {
            const std::lock_guard lock{file_->mutex};
            file_->input.read(idx_header<3> + std::uint64_t{i} * S::size, {pixels, S::size});
        }
        for (std::size_t k = 0; k < S::size; ++k) destination[k] = static_cast<float>(pixels[k]) / 255.0f;
    }
    [[nodiscard]] bool labelled() const { return !labels_.empty(); }
    [[nodiscard]] Label label(std::size_t i) const { return labels_[i]; }
    [[nodiscard]] std::size_t classes() const { return labels_.classes(); }
    /// The files with bytes after their array.
    [[nodiscard]] const LeftOut& left_out() const { return left_out_; }

private:
    void count_surplus(const std::string& path, std::uint64_t bytes) {
        if (bytes != 0) left_out_.add(LeftOutReason::surplus, path, {}, std::to_string(bytes) + " bytes");
    }
    struct File {
        explicit File(const std::string& path) : input{path} {}
        InputFile<> input;
        std::mutex mutex;  // where the system has no reads at an offset, a read moves the position of the file
    };

    std::unique_ptr<File> file_;
    std::size_t size_ = 0;
    Labels labels_;
    LeftOut left_out_;
};

}  // namespace tessera::data
