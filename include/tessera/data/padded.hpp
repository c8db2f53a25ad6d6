#pragma once
// Padded: a dataset of images in the middle of larger ones, with a mask of the pixels that are theirs.
//
//     const data::Padded<Shape<32, 32, 1>, data::Images<Shape<28, 28, 1>>> padded{digits.train};
//     for (auto&& batch : batches(padded, 64, rng)) trainer.step(batch);         // a VqVae of 32 x 32: batch.mask
//
// For a net whose sizes are powers of two. The border is 0, and does not count in training: the model does not learn to
// reconstruct it, and the quantizer does not learn from it (vq/masked_images.hpp). Nor does it count in evaluation, and
// positions that see only border have no token: a prior, which needs all, is trained on the tokens of
// AllPixels{padded}. Where the border is odd, the smaller half is at the top and left.
//
// Shapes   S height x width x channels, not smaller than the images, with the same channels
// Errors   static_assert where S is not such a shape; those of the dataset. A temporary dataset is a compile error
// Cost     that of the dataset, and one move of the example; no memory

#include <tessera/core/label.hpp>
#include <tessera/core/shape.hpp>
#include <tessera/core/view.hpp>
#include <tessera/data/dataset.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tessera::inline TESSERA_ABI::data {

template <StaticShape S, Dataset D>
class Padded {
    using Inner = Sample<D>;
    static_assert(sizeof(DatasetHooksAreCallable<D>) > 0);
    static constexpr bool larger = S::rank == 3 && Inner::rank == 3 && S::dims[0] >= Inner::dims[0] &&
                                   S::dims[1] >= Inner::dims[1] && S::dims[2] == Inner::dims[2];
    static_assert(larger, "Padded: expected height x width x channels, not smaller than the images and with their "
                          "channels");

public:
    using Example = View<const Element<D>, S>;

    explicit Padded(const D& dataset) : dataset_{&dataset} {}
    explicit Padded(const D&& dataset) = delete;

    [[nodiscard]] std::size_t size() const { return dataset_->size(); }
    [[nodiscard]] bool labelled() const requires LabelledDataset<D> { return dataset_->labelled(); }
    [[nodiscard]] Label label(std::size_t i) const requires LabelledDataset<D> { return dataset_->label(i); }
    [[nodiscard]] std::size_t classes() const requires requires(const D& d) { d.classes(); }
    { return dataset_->classes(); }
    void expect(std::span<const std::size_t> indices) const requires ExpectingDataset<D> { dataset_->expect(indices); }

    void copy(std::size_t i, std::span<Element<D>, S::size> destination) const {
        dataset_->copy(i, destination.template first<Inner::size>());
        move_to_middle<S::dims[2]>(destination);
    }
    /// With the mask of the dataset, where it has one.
    void copy_mask(std::size_t i, std::span<std::uint8_t, row_count<S>> mask) const {
        const std::span<std::uint8_t, row_count<Inner>> inner = mask.template first<row_count<Inner>>();
        if constexpr (MaskedDataset<D>)
            dataset_->copy_mask(i, inner);
        else
            std::ranges::fill(inner, std::uint8_t{1});
        move_to_middle<1>(mask);
    }

private:
    // The rows of the image, which are at the beginning, move to their places, the last one first; then 0 around them.
    template <std::size_t Channels, class T, std::size_t N>
    static void move_to_middle(std::span<T, N> image) {
        constexpr std::size_t height = Inner::dims[0], width = Inner::dims[1] * Channels;
        constexpr std::size_t top = (S::dims[0] - height) / 2, left = (S::dims[1] - Inner::dims[1]) / 2;
        T* const begin = image.data();
        T* end = begin + N;
        for (std::size_t y = height; y-- > 0;) {
            T* const from = begin + y * width;
            T* const to = begin + ((top + y) * S::dims[1] + left) * Channels;
            if (to != from) std::copy_backward(from, from + width, to + width);
            std::fill(to + width, end, T{});
            end = to;
        }
        std::fill(begin, end, T{});
    }

    const D* dataset_;
};

}  // namespace tessera::data
