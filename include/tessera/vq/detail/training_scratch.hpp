#pragma once
// TrainingScratch: what a VqVae needs for one block of images of a training step.

#include <tessera/core/tensor.hpp>

namespace tessera::inline TESSERA_ABI::vq::detail {

template <class Encoder, class Q, class Decoder, class Loss>
struct TrainingScratch {
    using T = typename Encoder::Scalar;

    typename Encoder::Cache encoder;
    typename Q::Cache quantizer;
    typename Decoder::Cache decoder;
    typename Loss::Cache loss;
    Tensor<T, typename Encoder::Output> dz;
    Tensor<T, typename Decoder::Input> q, dq;
    Tensor<T, typename Encoder::Input> y, dy, target;
};

}  // namespace tessera::vq::detail
