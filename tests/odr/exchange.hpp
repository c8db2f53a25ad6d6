#pragma once
// What the two objects of two_architectures.sh exchange, and enough use of the library that each has symbols of ours.
#if __has_include(<tessera/tessera.hpp>)
#include <tessera/tessera.hpp>
#else
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#endif

using Sample = tessera::Shape<4, 4, 2>;
using Batch = tessera::Tensor<float, Sample>;

float takes(const Batch& batch);

static inline Batch some_batch() {
    Batch batch(3);
    tessera::Rng rng{7};
    for (float& value : batch.span()) value = rng.normal();
    return batch;
}
