#pragma once
// masked_loss_and_grad: a reconstruction loss over the pixels that count, such as those of an image that was padded.
//
//     t'_i = t_i where pixel i counts, y_i where it does not;   loss = loss(y, t'),   dy: its gradient with t' fixed
//
// A number with y = t' adds exactly 0 (zero_at_target of loss/loss.hpp), and the sums are in the order of those without
// a mask: where all pixels count, the bits are those of loss_and_grad. `scale` stays that of all numbers of the batch,
// so a pixel weighs the same whatever the others are, also in another process or in another batch of an accumulation;
// PyTorch: ((y - t) ** 2 * mask).sum() / t.numel().
//
// A NaN in y makes the sum NaN also where no pixel counts; one in the target does so only where the pixel counts.
//
// Shapes   y, target, dy, scratch [batch, Input]; mask [batch, ... x 1], one channel, 0 for a pixel that does not count
// Cost     one copy of the target more than the loss; scratch grows to the largest batch

#include <tessera/core/shape.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/view.hpp>
#include <tessera/loss/loss.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tessera::inline TESSERA_ABI {

template <Loss L>
    requires(zero_at_target<L>())
[[nodiscard]] double masked_loss_and_grad(const typename L::Packed& w,
                                          View<const typename L::Scalar, typename L::Input> y,
                                          View<const typename L::Scalar, typename L::Input> target,
                                          View<const std::uint8_t, WithLastDim<typename L::Input, 1>> mask,
                                          View<typename L::Scalar, typename L::Input> dy, typename L::Cache& cache,
                                          typename L::Params& grad, typename L::Scalar scale,
                                          Tensor<typename L::Scalar, typename L::Input>& scratch) {
    constexpr std::size_t channels = last_dim<typename L::Input>;
    scratch.resize(y.batch());
    for (std::size_t i = 0; i < mask.elements(); ++i) {
        const auto* from = mask.data()[i] != 0 ? target.data() : y.data();
        std::copy_n(from + i * channels, channels, scratch.data() + i * channels);
    }
    return L::loss_and_grad(w, y, std::as_const(scratch), dy, cache, grad, scale);
}

namespace detail {
/// That where there is a mask, else loss_and_grad.
template <Loss L>
[[nodiscard]] double counted_loss(const typename L::Packed& w, View<const typename L::Scalar, typename L::Input> y,
                                  View<const typename L::Scalar, typename L::Input> target,
                                  [[maybe_unused]] View<const std::uint8_t, WithLastDim<typename L::Input, 1>> mask,
                                  View<typename L::Scalar, typename L::Input> dy, typename L::Cache& cache,
                                  typename L::Params& grad, typename L::Scalar scale,
                                  [[maybe_unused]] Tensor<typename L::Scalar, typename L::Input>& scratch) {
    if constexpr (zero_at_target<L>())
        if (mask.batch() > 0) return masked_loss_and_grad<L>(w, y, target, mask, dy, cache, grad, scale, scratch);
    return L::loss_and_grad(w, y, target, dy, cache, grad, scale);
}
}  // namespace detail

}  // namespace tessera
