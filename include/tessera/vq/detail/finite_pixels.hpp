#pragma once
// explain_by_images, explain_by_batch: run a function, and where it refuses the encoder's output because of a pixel
// that is not finite, throw an error that names the image. A check of all pixels costs nothing as long as all is well.
//
// Errors   NumericError: "VqVae: image 37: value 63: expected a finite number, got nan", by the number of the image in
//          its data set, and "VqVae: image 5 of the batch: ..." in training

#include <tessera/core/error.hpp>

#include <cmath>
#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI::vq::detail {

/// `first`: the number of the first image of x; `of` follows the number in the message.
template <class Batch>
void check_pixels(const Batch& x, std::size_t first, const char* of) {
    constexpr std::size_t size = Batch::elements_per_image;
    for (std::size_t i = 0; i < x.batch() * size; ++i)
        if (const auto v = x.data()[i]; !std::isfinite(v))
            throw NumericError("VqVae: image " + std::to_string(first + i / size) + of + ": value " +
                               std::to_string(i % size) + ": " + expected_got("a finite number", std::to_string(v)));
}
/// Also for a loss that is not finite although the encoder's output is: sigmoid makes infinity 1.
template <class Batch>
void check_batch_pixels(const Batch& x, std::size_t first) {
    check_pixels(x, first, " of the batch");
}

/// f(), which throws NumericError for the encoder's output.
template <class Batch, class F>
void explain_by_images(const Batch& x, std::size_t first, F&& f) {
    try {
        f();
    } catch (const NumericError&) {
        check_pixels(x, first, "");
        throw;
    }
}
/// The same in a training step.
template <class Batch, class F>
void explain_by_batch(const Batch& x, std::size_t first, F&& f) {
    try {
        f();
    } catch (const NumericError&) {
        check_batch_pixels(x, first);
        throw;
    }
}

}  // namespace tessera::vq::detail
