#pragma once
// A VqVae that trains in milliseconds, and images for it.

#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/data/images.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/sigmoid.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace support {

using TinyImage = tessera::Shape<8, 8, 1>;

template <class T>
struct TinyEncoder : tessera::nn::BasicChain<T, TinyImage, tessera::nn::Conv2d<6, tessera::nn::halve4>,
                                             tessera::nn::Relu, tessera::nn::Conv2d<4, tessera::nn::halve4>> {};
template <class T>
struct TinyDecoder
    : tessera::nn::BasicChain<T, tessera::Shape<2, 2, 4>, tessera::nn::ConvTranspose2d<5, tessera::nn::double4>,
                              tessera::nn::Relu, tessera::nn::ConvTranspose2d<1, tessera::nn::double4>,
                              tessera::nn::Sigmoid> {};
template <class T, std::size_t K = 8>
using TinyVae = tessera::VqVae<TinyEncoder<T>, tessera::Codebook<K>, TinyDecoder<T>>;

/// Bars of random position and direction, one byte a pixel, labelled by direction.
inline tessera::data::Images<TinyImage> bars(std::size_t count, std::uint64_t seed) {
    tessera::Rng rng{seed};
    std::vector<std::uint8_t> bytes(count * 64);
    std::vector<tessera::Label> labels(count);
    for (std::size_t n = 0; n < count; ++n) {
        labels[n] = tessera::Label{rng.below(2)};
        const std::size_t at = rng.below(7);
        for (std::size_t i = 0; i < 64; ++i) {
            const std::size_t across = labels[n].index == 1 ? i / 8 : i % 8;
            bytes[n * 64 + i] =
                static_cast<std::uint8_t>((across == at || across == at + 1 ? 200 : 20) + rng.below(40));
        }
    }
    return tessera::data::Images<TinyImage>{std::move(bytes), std::move(labels), 2};
}

template <class T>
tessera::Tensor<T, TinyImage> batch_of(const tessera::data::Images<TinyImage>& images) {
    tessera::Tensor<T, TinyImage> x{images.size()};
    for (std::size_t i = 0; i < x.span().size(); ++i) x.data()[i] = static_cast<T>(images.bytes()[i]) / T(255);
    return x;
}

}  // namespace support
