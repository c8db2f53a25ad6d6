#pragma once
// One buffer for all layers of a net that copy operands for their weight gradients
// (kernel/gemm/gemm_weight_gradient.hpp). A Chain or a Repeat owns it and lends it to one layer at a time, so that it
// stays in L2. A separate buffer would cost up to 331 KiB for each layer.

#include <tessera/core/buffer.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn::detail {

/// The buffer in a cache, or in the cache of a layer inside it; null where there is none.
template <class T, class Cache>
Buffer<T>* operand_copies(Cache& cache) {
    if constexpr (requires {
                      { cache.operand_copies } -> std::same_as<Buffer<T>&>;
                  })
        return &cache.operand_copies;
    else if constexpr (requires { cache.convolution; })
        return operand_copies<T>(cache.convolution);
    else if constexpr (requires { cache.affine; })
        return operand_copies<T>(cache.affine);
    else if constexpr (requires { cache.inner; })
        return operand_copies<T>(cache.inner);
    else
        return nullptr;
}

/// Swaps the buffer into the layer's cache for its lifetime; the destructor swaps it back.
template <class T>
class Lent {
public:
    template <class Cache>
    Lent(Buffer<T>& owner, Cache& layer) : owner_{owner}, layer_{operand_copies<T>(layer)} {
        if (layer_) owner_.swap(*layer_);
    }
    ~Lent() {
        if (layer_) owner_.swap(*layer_);
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

private:
    Buffer<T>& owner_;
    Buffer<T>* layer_;
};

}  // namespace tessera::nn::detail
