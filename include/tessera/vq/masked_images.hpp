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
// `encode`, `reconstruct` and `evaluate` take such a batch as well, and see it as training does: a position that does
// not count has no token and is decoded from 0, and errors and usage are those of what counts (vq/frozen_vq_vae.hpp). A
// prior needs all of a sequence: encode the images alone, or a dataset as data::AllPixels. Nothing drops a mask
// silently: a batch with one does not convert to a View; `images()`, or `batch.x` of a dataset, says that the mask is
// not needed.
//
// The divisors of a step's means stay those of the whole batch, so a pixel weighs the same whatever the others are, and
// its report has such means; an evaluation has means over what counts. A convolution at a position that counts still
// sees the padding next to it, so its pixels must be finite, and should be what the model will see when it encodes.
// k-means and pack_batch see whole samples, made of the positions that count: the last one is completed with the first
// of them. Where all count, training has the bits of a batch without a mask. Processes that share a batch all give a
// mask or none: a Trainer refuses another batch in each of them, with the sizes of their shares.
//
// Shapes   images [batch, Input], mask [batch, ... x 1]: Input with one channel
// Errors   ArgumentError where mask and images differ in their number; static_assert where a mask does not fit the
//          VqVae (MaskRules), or a batch has a `mask` that is not one of pixels
// Cost     two views, and a pass over the mask in each step. Without a mask nothing, except that processes exchange one
//          more small message where the quantizer is initialised from data or packs a batch

#include <tessera/core/error.hpp>
#include <tessera/core/shape.hpp>
#include <tessera/core/view.hpp>
#include <tessera/loss/loss.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::vq {

/// Whether each position of Latent is that of a patch of Input.
template <StaticShape Input, StaticShape Latent>
[[nodiscard]] constexpr bool has_patches() {
    if (Input::rank != Latent::rank) return false;
    for (std::size_t d = 0; d + 1 < Input::rank; ++d)
        if (Input::dims[d] % Latent::dims[d] != 0) return false;
    return true;
}

/// What a mask needs of a VqVae: of its images, its bound quantizer, and in training of its loss.
template <StaticShape Input, class Q, class Loss = void>
struct MaskRules {
    static constexpr std::size_t rows = row_count<typename Q::Input>;
    static constexpr bool patches = has_patches<Input, typename Q::Input>();
    static constexpr bool positions = row_count<typename Q::Output> == rows && Q::tokens % rows == 0;
    static constexpr bool loss = [] {
        if constexpr (std::is_void_v<Loss>)
            return true;
        else
            return zero_at_target<Loss>();
    }();
    static constexpr bool fit = patches && positions && loss;
};

template <class T, StaticShape Input, class Rules>
class MaskedImages {
    using Images = View<const T, Input>;

public:
    using Mask = View<const std::uint8_t, WithLastDim<Input, 1>>;
    static constexpr std::size_t elements_per_image = Input::size;

    constexpr MaskedImages() = default;
    constexpr MaskedImages(const T* data, std::size_t batch) noexcept : images_{data, batch} {}
    /// With the mask of the batch, if it has one.
    template <class B>
    MaskedImages(const B& batch) requires std::convertible_to<const B&, Images> {
        if constexpr (requires { Images{batch.x}; })
            images_ = batch.x;
        else
            images_ = static_cast<Images>(batch);
        if constexpr (requires { Mask{batch.mask}; }) {
            set(batch.mask);
        } else if constexpr (requires { Mask{batch.mask()}; }) {
            if (batch.mask().batch() > 0) set(batch.mask());
        } else {
            static_assert(!has_other_mask<B>,
                          "VqVae: batch: mask: expected a View<const std::uint8_t, ...> of one number for each pixel");
        }
    }
    /// That of another model.
    template <class OtherRules>
    MaskedImages(const MaskedImages<T, Input, OtherRules>& batch) : images_{batch.images()} {
        if constexpr (OtherRules::fit)
            if (batch.has_mask()) set(batch.mask());
    }
    MaskedImages(Images images, Mask mask) : images_{images} { set(mask); }

    [[nodiscard]] Images images() const { return images_; }
    /// Empty where all pixels count.
    [[nodiscard]] Mask mask() const { return mask_; }
    [[nodiscard]] bool has_mask() const { return mask_.batch() > 0; }
    [[nodiscard]] const T* data() const { return images_.data(); }
    [[nodiscard]] std::size_t batch() const { return images_.batch(); }
    [[nodiscard]] std::size_t size() const { return images_.batch(); }
    [[nodiscard]] MaskedImages slice(std::size_t first, std::size_t count) const {
        MaskedImages part;
        part.images_ = images_.slice(first, count);
        if (has_mask()) part.mask_ = mask_.slice(first, count);
        return part;
    }

private:
    template <class B>
    static constexpr bool has_other_mask = requires(const B& batch) {
        batch.mask;
    }
    || requires(const B& batch) { batch.mask(); };

    void set(Mask mask) {
        static_assert(Rules::patches,
                      "VqVae: a mask of pixels needs an encoder whose output has the rank of the images and dimensions "
                      "that divide theirs");
        static_assert(Rules::positions,
                      "VqVae: a mask of pixels needs a quantizer with the same tokens for each position");
        static_assert(Rules::loss,
                      "VqVae: a mask of pixels needs a loss that is zero at the target: see zero_at_target in "
                      "loss/loss.hpp");
        if (mask.batch() != batch())
            throw ArgumentError("VqVae: batch: mask: " +
                                expected_got(std::to_string(batch()) + " images", std::to_string(mask.batch())));
        mask_ = mask;
    }

    Images images_{};
    Mask mask_{};
};

}  // namespace tessera::vq
