// A user's program: the three ways to get the library must all give this one.
#if __has_include(<tessera/tessera.hpp>)
#include <tessera/tessera.hpp>
#else
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#endif
#include <tessera/version.hpp>

#include <cstdio>

int main() {
    using Image = tessera::Shape<28, 28, 1>;
    tessera::Tensor<float, Image> images(2);
    tessera::Rng rng{42};
    for (float& pixel : images.span()) pixel = rng.uniform();

    double sum = 0;
    for (float pixel : images.span()) sum += pixel;
    const double mean = sum / static_cast<double>(2 * Image::size);
    std::printf("tessera %d.%d.%d, mean of %zu pixels %.3f\n", TESSERA_VERSION_MAJOR, TESSERA_VERSION_MINOR,
                TESSERA_VERSION_PATCH, images.span().size(), mean);
    return mean > 0.45 && mean < 0.55 ? 0 : 1;
}
