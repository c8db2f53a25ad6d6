#pragma once
// One buffer for all layers of a net that copy operands for the gradients of their weights (kernel/gemm/gemm_adjoint.hpp): a
// Chain or a Repeat owns it and lends it to one layer at a time, so that it stays in L2. A buffer for each layer would be
// up to 325 KiB for each.

#include <tessera/core/buffer.hpp>

#include <concepts>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::nn::detail {

/// The buffer of a cache, in it or in the cache of a layer inside; null where there is none.
template <class T, class Cache>
Buffer<T>* adjoint_copies(Cache& cache) {
    if constexpr (requires {
                      { cache.adjoint_copies } -> std::same_as<Buffer<T>&>;
                  })
        return &cache.adjoint_copies;
    else if constexpr (requires { cache.convolution; })
        return adjoint_copies<T>(cache.convolution);
    else if constexpr (requires { cache.affine; })
        return adjoint_copies<T>(cache.affine);
    else if constexpr (requires { cache.inner; })
        return adjoint_copies<T>(cache.inner);
    else
        return nullptr;
}

/// While it lives the layer has the buffer, then the owner again; without a layer's own in between nothing is copied.
template <class T>
class Lent {
public:
    template <class Cache>
    Lent(Buffer<T>& owner, Cache& layer) : owner_{owner}, layer_{adjoint_copies<T>(layer)} {
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
