#pragma once
// Images: a dataset of images in memory, one byte a channel, with or without labels.
//
//     example = byte / 255, in 0 .. 1
//
// Bytes need a quarter of the memory of floats; they are converted when a batch is copied.
//
// Shapes   bytes [images, height x width x channels], labels [images] or empty
// Errors   DataError where bytes, labels or class names do not match; ArgumentError where subset gets an index out of
//          range
// Cost     one byte a channel, 4 bytes a label

#include <tessera/core/error.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/labels.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

template <StaticShape S>
    requires(S::rank == 3)
class Images {
public:
    using Example = View<const float, S>;

    Images() = default;
    /// Without labels the vector is empty; `classes` 0 means one more than the largest label.
    explicit Images(std::vector<std::uint8_t> bytes, std::vector<Label> labels = {}, std::size_t classes = 0,
                    std::vector<std::string> class_names = {})
        : bytes_{std::move(bytes)} {
        if (bytes_.size() % S::size != 0)
            throw DataError("Images: bytes: " +
                            expected_got("a multiple of " + std::to_string(S::size), std::to_string(bytes_.size())));
        labels_ = Labels{std::move(labels), classes, size(), "Images"};
        if (!class_names.empty() && class_names.size() != this->classes())
            throw DataError("Images: class names: " + expected_got(this->classes(), class_names.size()));
        class_names_ = std::move(class_names);
    }

    [[nodiscard]] std::size_t size() const { return bytes_.size() / S::size; }
    std::span<const std::uint8_t, S::size> pixels(std::size_t i) const {
        return std::span<const std::uint8_t, S::size>{bytes_.data() + i * S::size, S::size};
    }
    std::span<const std::uint8_t> bytes() const { return bytes_; }

    void copy(std::size_t i, std::span<float, S::size> destination) const {
        const std::uint8_t* from = bytes_.data() + i * S::size;
        for (std::size_t k = 0; k < S::size; ++k) destination[k] = static_cast<float>(from[k]) / 255.0f;
    }

    [[nodiscard]] bool labelled() const { return !labels_.empty(); }
    [[nodiscard]] Label label(std::size_t i) const { return labels_[i]; }
    [[nodiscard]] std::span<const Label> labels() const { return labels_.span(); }
    [[nodiscard]] std::size_t classes() const { return labels_.classes(); }
    /// One for each class, or empty if the source has no names.
    const std::vector<std::string>& class_names() const { return class_names_; }

    /// The images with these indices, in this order; the number of classes stays the same.
    Images subset(std::span<const std::size_t> indices) const {
        std::vector<std::uint8_t> bytes;
        std::vector<Label> labels;
        bytes.reserve(indices.size() * S::size);
        for (const std::size_t i : indices) {
            if (i >= size())
                throw ArgumentError("Images: subset: " +
                                    expected_got("an index less than " + std::to_string(size()), std::to_string(i)));
            bytes.insert(bytes.end(), pixels(i).begin(), pixels(i).end());
            if (labelled()) labels.push_back(label(i));
        }
        Images images;
        images.bytes_ = std::move(bytes);
        images.labels_ = Labels{std::move(labels), classes(), indices.size(), "Images"};
        if (images.labelled()) images.class_names_ = class_names_;
        return images;
    }

private:
    std::vector<std::uint8_t> bytes_;
    Labels labels_;
    std::vector<std::string> class_names_;
};

}  // namespace tessera::data
