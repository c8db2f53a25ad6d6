#pragma once
// View: a pointer to a contiguous batch of samples; v[n] is the n-th sample as a std::span of static extent.

#include <tessera/core/shape.hpp>

#include <concepts>
#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI {

template <class T, StaticShape S>
class View {
public:
    using Scalar = T;
    using Sample = S;

    constexpr View() = default;
    constexpr View(T* data, std::size_t batch) noexcept : data_{data}, batch_{batch} {}
    template <class U>
        requires std::convertible_to<U (*)[], T (*)[]>
    constexpr View(View<U, S> v) noexcept : data_{v.data()}, batch_{v.batch()} {}

    [[nodiscard]] constexpr T* data() const noexcept { return data_; }
    [[nodiscard]] constexpr std::size_t batch() const noexcept { return batch_; }
    /// Number of samples, which operator[] indexes; the same as batch().
    [[nodiscard]] constexpr std::size_t size() const noexcept { return batch_; }
    /// Number of elements of all samples together.
    [[nodiscard]] constexpr std::size_t elements() const noexcept { return batch_ * S::size; }
    /// All elements of all samples, flat: element i belongs to sample i / S::size.
    [[nodiscard]] constexpr std::span<T> span() const noexcept { return {data_, elements()}; }
    [[nodiscard]] constexpr std::span<T, S::size> operator[](std::size_t n) const noexcept {
        return std::span<T, S::size>{data_ + n * S::size, S::size};
    }
    /// Samples first .. first + count - 1.
    [[nodiscard]] constexpr View slice(std::size_t first, std::size_t count) const noexcept {
        return {data_ + first * S::size, count};
    }

private:
    T* data_ = nullptr;
    std::size_t batch_ = 0;
};

}  // namespace tessera
