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

    operator View<T, S>() noexcept { return {values_.data(), batch()}; }
    operator View<const T, S>() const noexcept { return {values_.data(), batch()}; }
    [[nodiscard]] View<T, S> view() noexcept { return *this; }
    [[nodiscard]] View<const T, S> view() const noexcept { return *this; }

    [[nodiscard]] std::span<T, S::size> operator[](std::size_t n) noexcept { return view()[n]; }
    [[nodiscard]] std::span<const T, S::size> operator[](std::size_t n) const noexcept { return view()[n]; }
    [[nodiscard]] std::span<T> span() noexcept { return view().span(); }
    [[nodiscard]] std::span<const T> span() const noexcept { return view().span(); }
    [[nodiscard]] T* data() noexcept { return values_.data(); }
    [[nodiscard]] const T* data() const noexcept { return values_.data(); }
    /// 0 for one that was moved from.
    [[nodiscard]] std::size_t batch() const noexcept { return values_.empty() ? 0 : batch_; }

    void resize(std::size_t batch) {
        if (values_.size() < batch * S::size) values_.resize(batch * S::size);
        batch_ = batch;
    }

private:
    Buffer<T> values_;
    std::size_t batch_ = 0;
};

}  // namespace tessera
