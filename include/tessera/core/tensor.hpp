#pragma once
// Tensor: owns a batch of samples of one Shape.
//
// resize() never releases memory, so a buffer that has held the largest batch does not allocate again.
//
// Errors   static_assert where T is not a number or is bool
// Cost     batch x S::size elements; one allocation whenever resize() grows beyond the largest batch so far

#include <tessera/core/buffer.hpp>
#include <tessera/core/view.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

template <class T, StaticShape S>
class Tensor {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>,
                  "Tensor: the element type must be an integer or a floating-point type, and not bool");

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
    /// 0 after a move from this tensor.
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
