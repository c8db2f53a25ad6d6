// 1. Shapes, views and tensors: the core types that every other example uses.
//
// The shape of one sample is a type. The batch size is the only dimension that is known at run time. So a layer
// with an input of the wrong shape does not compile, and the same code handles a batch of any size.

#include <tessera/core/shape.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/view.hpp>

#include <cstdio>

namespace ts = tessera;

// An image is height x width x channels (channel last): the channels of a pixel are contiguous in memory.
using Image = ts::Shape<28, 28, 3>;
static_assert(Image::size == 2352);
static_assert(Image::dims[0] == 28);
static_assert(ts::last_dim<Image> == 3);     // channels
static_assert(ts::row_count<Image> == 784);  // pixels: every activation is a matrix of rows x last_dim

// A function with a View parameter accepts any batch of that shape, independent of who owns the memory. Nothing is
// copied: a View is a pointer and a batch size. `const` applies to the element, as in std::span.
float brightness(ts::View<const float, Image> images, std::size_t n) {
    float sum = 0;
    for (const float value : images[n]) sum += value;  // images[n] is a std::span<const float, 2352>
    return sum / float(Image::size);
}

int main() {
    // A Tensor owns its batch: aligned memory on the heap, initialised to zero.
    ts::Tensor<float, Image> images{4};
    for (std::size_t n = 0; n < images.batch(); ++n)
        for (float& value : images[n]) value = 0.25f * float(n);

    std::printf("a batch of %zu images of %s: %zu elements\n", images.batch(), to_string(Image{}).c_str(),
                images.span().size());
    for (std::size_t n = 0; n < images.batch(); ++n)
        std::printf("brightness of image %zu: %.2f\n", n, brightness(images, n));

    // A slice of a batch is a View too. The library splits batches this way to run the parts on several threads.
    const auto last_two = images.view().slice(2, 2);
    std::printf("the last two are %.2f and %.2f\n", brightness(last_two, 0), brightness(last_two, 1));

    // A tensor keeps its memory when it shrinks: resizing to the old size does not allocate.
    const float* before = images.data();
    images.resize(1);
    images.resize(4);
    std::printf("resized twice: %s memory\n", images.data() == before ? "the same" : "different");

    // A wrong shape does not compile. Uncomment these lines and read the message:
    //     ts::Tensor<float, ts::Shape<28, 28, 1>> gray{4};
    //     brightness(gray, 0);
    return images.data() == before ? 0 : 1;
}
