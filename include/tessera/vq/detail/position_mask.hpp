#pragma once
// PositionMask: which positions of a batch count, from a mask of its pixels (vq/masked_images.hpp), and what a step of
// a VqVae does with them.

#include <tessera/core/shape.hpp>
#include <tessera/core/token.hpp>
#include <tessera/core/view.hpp>
#include <tessera/kernel/reduce.hpp>
#include <tessera/kernel/threads/parallel.hpp>
#include <tessera/vq/mask_positions.hpp>
#include <tessera/vq/quantizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq::detail {

/// The position whose patch has this pixel of a sample.
template <StaticShape Input, StaticShape Latent>
[[nodiscard]] constexpr std::size_t position_of(std::size_t pixel) {
    std::size_t position = 0, stride = 1;
    for (std::size_t d = Input::rank - 1; d-- > 0;) {
        position += pixel % Input::dims[d] / (Input::dims[d] / Latent::dims[d]) * stride;
        pixel /= Input::dims[d];
        stride *= Latent::dims[d];
    }
    return position;
}

template <class T, StaticShape Input, StaticShape Latent, class Rules>
class PositionMask {
    static constexpr std::size_t rows = row_count<Latent>, width = last_dim<Latent>, pixels = row_count<Input>;
    // Pixels next to one another in a patch.
    static constexpr std::size_t run = [] {
        if constexpr (Rules::fit && Input::rank > 1)
            return Input::dims[Input::rank - 2] / Latent::dims[Latent::rank - 2];
        return std::size_t{1};
    }();
    static constexpr std::size_t samples_per_task =
        (std::max)(std::size_t{1}, 65536 / pixels);  // 15 us; 45 without runs

public:
    /// A position counts where a pixel of its patch does. Empty: all count. Threads share the samples.
    void set(View<const std::uint8_t, WithLastDim<Input, 1>> mask) {
        counts_.assign(mask.batch() * rows, T(0));
        if constexpr (Rules::fit)
            kernel::for_chunks(mask.batch(), samples_per_task, [&](std::size_t begin, std::size_t end) {
                for (std::size_t n = begin; n < end; ++n)
                    for (std::size_t i = 0; i < pixels; i += run) {
                        const std::uint8_t* const from = mask.data() + n * pixels + i;
                        unsigned any = 0;
                        for (std::size_t j = 0; j < run; ++j) any |= from[j];
                        if (any != 0) counts_[n * rows + position_of<Input, Latent>(i)] = T(1);
                    }
            });
    }
    /// 1 for each position of the batch that counts, 0 for another; empty where all count.
    [[nodiscard]] std::span<const T> counts() const { return counts_; }

    /// no_token and q = 0 at the positions that do not count, of the samples from `first` on.
    template <class Q>
    void apply([[maybe_unused]] std::size_t first, [[maybe_unused]] View<Token, TokenShape<Q>> tokens,
               [[maybe_unused]] View<T, typename Q::Output> q) const {
        if constexpr (Rules::fit)
            if (!counts_.empty()) mask_positions<Q>(of(first, tokens.batch()), tokens, q);
    }
    /// The sum of (z - q)^2 over the positions that count, in the order of that over all; q is 0 at the others. Scratch
    /// is overwritten.
    [[nodiscard]] double squared_error(std::size_t first, View<const T, Latent> z, View<const T, Latent> q,
                                       View<T, Latent> scratch) const {
        if (counts_.empty()) return kernel::squared_error<T>(z.span(), q.span());
        const std::span<const T> counted = of(first, z.batch());
        for (std::size_t m = 0; m < counted.size(); ++m) {
            T* const row = scratch.data() + m * width;
            if (counted[m] > T(0))
                std::copy_n(z.data() + m * width, width, row);
            else
                std::fill_n(row, width, T(0));
        }
        return kernel::squared_error<T>(View<const T, Latent>{scratch}.span(), q.span());
    }

private:
    [[nodiscard]] std::span<const T> of(std::size_t first, std::size_t count) const {
        return std::span<const T>{counts_}.subspan(first * rows, count * rows);
    }

    std::vector<T> counts_;
};

}  // namespace tessera::vq::detail
