#pragma once
// MaskedImages: a batch of images of which some pixels may not count: the batch of a VqVae's training step.
//
//     trainer.step(x);              all pixels count
//     trainer.step({x, mask});      mask: View<const std::uint8_t, Shape<28, 28, 1>>, 0 for a pixel that does not count
//     trainer.step(batch);          with the mask of a dataset that has copy_mask (data/dataset.hpp)
//
// For images of several sizes in one shape (padding), and for pixels without a value. A pixel that does not
// count is not a target of the reconstruction (loss/masked_loss.hpp). A position of the encoder's output counts where a
// pixel of its patch counts: of an image of 32 x 32 pixels with 8 x 8 positions, where one of 4 x 4 does. Another has
// no token and q = 0 (vq/mask_positions.hpp): the quantizer does not learn from it, not by its loss, averages, revival,
// usage or k-means, and the encoder gets no gradient from it. The decoder sees 0 there.
//
// The mask is for training: encode, reconstruct and evaluate see all pixels, and give each position its tokens, because
// a prior needs all of a sequence. Evaluate a masked set on images that are cropped to what counts.
//
// The divisors of all means stay those of the whole batch, so a pixel weighs the same whatever the others are; reports
// are such means, too. A convolution at a position that counts still sees the padding next to it, so its pixels must be
// finite, and should be what the model will see when it encodes. k-means and pack_batch see whole samples, made of the
// positions that count: the last one is completed with the first of them. Where all count, training has the bits of a
// batch without a mask. Processes that share a batch all give a mask or none; it is checked where they exchange rows,
// when a quantizer starts from data or packs a batch.
//
// Shapes   images [batch, Input], mask [batch, ... x 1]: Input with one channel
// Errors   ArgumentError where mask and images differ in their number; static_assert where a mask does not fit the
//          VqVae: see MaskRules
// Cost     two views, and a pass over the mask in each step. Without a mask nothing, except that processes exchange one
//          more small message where the quantizer starts or packs a batch

#include <tessera/core/error.hpp>
#include <tessera/core/shape.hpp>
#include <tessera/core/view.hpp>
#include <tessera/loss/loss.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tessera::inline TESSERA_ABI::vq {

/// Whether each position of Latent is that of a patch of Input.
template <StaticShape Input, StaticShape Latent>
[[nodiscard]] constexpr bool has_patches() {
    if (Input::rank != Latent::rank) return false;
    for (std::size_t d = 0; d + 1 < Input::rank; ++d)
        if (Input::dims[d] % Latent::dims[d] != 0) return false;
    return true;
}

/// What a mask needs of a VqVae: of its images, its bound quantizer and loss.
template <StaticShape Input, class Q, class Loss>
struct MaskRules {
    static constexpr std::size_t rows = row_count<typename Q::Input>;
    static constexpr bool patches = has_patches<Input, typename Q::Input>();
    static constexpr bool positions = row_count<typename Q::Output> == rows && Q::tokens % rows == 0;
    static constexpr bool loss = zero_at_target<Loss>();
    static constexpr bool fit = patches && positions && loss;
};

template <class T, StaticShape Input, class Rules>
class MaskedImages : public View<const T, Input> {
    using Images = View<const T, Input>;

public:
    using Mask = View<const std::uint8_t, WithLastDim<Input, 1>>;

    constexpr MaskedImages() = default;
    constexpr MaskedImages(const T* data, std::size_t batch) noexcept : Images{data, batch} {}
    /// With the mask of the batch, if it has one.
    template <class B>
    MaskedImages(const B& batch) requires std::convertible_to<const B&, Images> : Images{static_cast<Images>(batch)} {
        if constexpr (requires { Mask{batch.mask()}; }) {
            if (batch.mask().batch() > 0) set(batch.mask());
        } else if constexpr (requires { Mask{batch.mask}; }) {
            set(batch.mask);
        }
    }
    MaskedImages(Images images, Mask mask) : Images{images} { set(mask); }

    /// Empty where all pixels count.
    [[nodiscard]] Mask mask() const { return mask_; }
    [[nodiscard]] MaskedImages slice(std::size_t first, std::size_t count) const {
        MaskedImages part;
        static_cast<Images&>(part) = Images::slice(first, count);
        if (mask_.batch() > 0) part.mask_ = mask_.slice(first, count);
        return part;
    }

private:
    void set(Mask mask) {
        static_assert(Rules::patches,
                      "VqVae: a mask of pixels needs an encoder whose output has the rank of the images and dimensions "
                      "that divide theirs");
        static_assert(Rules::positions,
                      "VqVae: a mask of pixels needs a quantizer with the same tokens for each position");
        static_assert(Rules::loss,
                      "VqVae: a mask of pixels needs a loss that is zero at the target: see zero_at_target in "
                      "loss/loss.hpp");
        if (mask.batch() != this->batch())
            throw ArgumentError("VqVae: batch: mask: " +
                                expected_got(std::to_string(this->batch()) + " images", std::to_string(mask.batch())));
        mask_ = mask;
    }

    Mask mask_{};
};

}  // namespace tessera::vq
