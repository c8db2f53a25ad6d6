#pragma once
// Tensor<T, Shape>: owns a batch of samples. resize() never gives memory back, so a buffer that has once seen the
// largest batch is never allocated again.

#include <tessera/core/buffer.hpp>
#include <tessera/core/view.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

template <class T, StaticShape S>
class Tensor {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>,
                  "Tensor: holds numbers: expected an integer or a floating-point type, and not bool");

public:
    using Scalar = T;
    using Sample = S;

    Tensor() = default;
    explicit Tensor(std::size_t batch) : values_(batch * S::size), batch_{batch} {}

    operator View<T, S>() { return {values_.data(), batch()}; }
    operator View<const T, S>() const { return {values_.data(), batch()}; }
    View<T, S> view() { return *this; }
    View<const T, S> view() const { return *this; }

    std::span<T, S::size> operator[](std::size_t n) { return view()[n]; }
    std::span<const T, S::size> operator[](std::size_t n) const { return view()[n]; }
    std::span<T> span() { return view().span(); }
    std::span<const T> span() const { return view().span(); }
    T* data() { return values_.data(); }
    const T* data() const { return values_.data(); }
    /// 0 for one that was moved from.
    std::size_t batch() const { return values_.empty() ? 0 : batch_; }

    void resize(std::size_t batch) {
        if (values_.size() < batch * S::size) values_.resize(batch * S::size);
        batch_ = batch;
    }

private:
    Buffer<T> values_;
    std::size_t batch_ = 0;
};

}  // namespace tessera
