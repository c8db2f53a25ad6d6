#pragma once
// ImagePiece: some images in a row, with their mask where there is one: copied from a dataset, or those of a batch.

#include <tessera/core/shape.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/data/copy_piece.hpp>
#include <tessera/data/dataset.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq::detail {

template <class Batch, class T, StaticShape Input>
struct ImagePiece {
    Tensor<T, Input> x;
    Tensor<std::uint8_t, WithLastDim<Input, 1>> mask;

    /// `count` images from `first` on.
    template <class D>
    Batch copy(const D& images, std::size_t first, std::size_t count) {
        if constexpr (std::same_as<D, Batch>) {
            return images.slice(first, count);
        } else {
            static_assert(sizeof(data::DatasetHooksAreCallable<D>) > 0);
            x.resize(count);
            data::copy_piece(images, first, x.view());
            if constexpr (data::MaskedDataset<D>) {
                mask.resize(count);
                for (std::size_t n = 0; n < count; ++n) images.copy_mask(first + n, mask[n]);
                return {std::as_const(x), std::as_const(mask)};
            } else {
                return {std::as_const(x)};
            }
        }
    }
};

}  // namespace tessera::vq::detail
