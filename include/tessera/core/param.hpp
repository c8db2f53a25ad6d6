#pragma once
// Param<T, Shape, Axes>: one named leaf of a parameter set. Gradients, both Adam moments and averaged weights are
// further values of the same type. A parameter set is visited by its static `each(f, sets...)`, which takes any number
// of sets of one type and hands f a name and the corresponding leaves: one visitor is the optimiser, the reduction of
// gradients, the checkpoint and the count.
//
// Axes says how the leaf looks from outside: files and PyTorch see dimension i as our dimension Axes[i]. Our own order
// puts what a kernel reads in one vector last (Linear [in, out], convolution [height, width, in, out]).

#include <tessera/core/buffer.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/path.hpp>
#include <tessera/core/shape.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// What a parameter is for. A layer says so at init, and a model that has its own rule for initial weights reads it
/// (Gpt); it is never read from a name. Layers made of layers keep `output` true: it is the last layer's only, and a Residual
/// makes `residual` of it.
enum class Role : unsigned char {
    none,      ///< the layer did not say: the values of its init stay
    weight,    ///< of a product, an embedding
    output,    ///< a weight whose product is the output of the layer
    residual,  ///< a weight whose product is added to the residual stream
    bias,
    gain,  ///< a factor that starts at 1
};

/// PyTorch's dimension i is our dimension A_i; Axes<> leaves the order as it is.
template <std::size_t... A>
struct Axes {
    static constexpr std::array<std::size_t, sizeof...(A)> order{A...};
};

template <class T, StaticShape S, class Order = Axes<>>
class Param {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>,
                  "Param: holds numbers: expected an integer or a floating-point type, and not bool");

public:
    using Scalar = T;
    using Dims = S;
    static_assert(Order::order.size() == 0 || Order::order.size() == S::rank, "Param: one axis for each dimension");

    /// StateError when the parameter was moved from: nothing is left of it.
    [[nodiscard]] std::span<T, S::size> span() { return check_size(), std::span<T, S::size>{values_}; }
    [[nodiscard]] std::span<const T, S::size> span() const {
        return check_size(), std::span<const T, S::size>{values_};
    }
    [[nodiscard]] T* data() noexcept { return values_.data(); }
    [[nodiscard]] const T* data() const noexcept { return values_.data(); }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return values_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return values_[i]; }
    void fill(T value) { std::ranges::fill(values_, value); }
    Role role() const { return role_; }
    void set_role(Role role) { role_ = role; }

    /// The dimensions in the outer (PyTorch's) order.
    [[nodiscard]] static constexpr std::array<std::size_t, S::rank> outer_dims() {
        std::array<std::size_t, S::rank> dims = S::dims;
        if constexpr (Order::order.size() != 0)
            for (std::size_t i = 0; i < S::rank; ++i) dims[i] = S::dims[Order::order[i]];
        return dims;
    }
    /// Position in our memory of the i-th element in the outer order.
    [[nodiscard]] static constexpr std::size_t from_outer(std::size_t i) {
        if constexpr (Order::order.size() == 0) {
            return i;
        } else {
            std::array<std::size_t, S::rank> at{};
            for (std::size_t d = S::rank; d-- > 0;) {
                const std::size_t length = S::dims[Order::order[d]];
                at[Order::order[d]] = i % length;
                i /= length;
            }
            std::size_t position = 0;
            for (std::size_t d = 0; d < S::rank; ++d) position = position * S::dims[d] + at[d];
            return position;
        }
    }

private:
    void check_size() const {
        if (values_.size() != S::size)
            throw StateError("Param: was moved from: " + expected_got(S::size, values_.size()));
    }

    Buffer<T> values_ = Buffer<T>(S::size);
    Role role_ = Role::none;
};

/// Parameters or gradient of what has none, and a cache that holds nothing.
struct Empty {
    template <class F, class... P>
    static void each(F&&, P&...) {}
};

struct Visit {
    template <class... P>
    void operator()(const Path&, P&...) const {}
};

/// A set of named leaves: a value that can be copied (the snapshot) and zipped with others of its type (the step).
/// Not weaker, because optimiser, checkpoint and reduction all rest on `each`; not stronger, so that a user's plain
/// struct with one two-line function is enough.
template <class P>
concept Parameters = std::copyable<P> && std::default_initializable<P> && requires(P& p, const P& q) {
    P::each(Visit{}, p, q);
};

/// Number of weights of a parameter set.
template <Parameters P>
[[nodiscard]] std::size_t parameter_count(const P& params) {
    std::size_t count = 0;
    P::each([&](const Path&, const auto& leaf) { count += leaf.span().size(); }, params);
    return count;
}

/// For layers made of layers: what was `from` in one of them is `to` in the whole.
template <Parameters P>
void change_role(P& params, Role from, Role to) {
    P::each(
        [&](const Path&, auto& leaf) {
            if (leaf.role() == from) leaf.set_role(to);
        },
        params);
}

/// Sets every leaf to zero: the gradient before a step.
template <Parameters P>
void set_zero(P& params) {
    P::each([](const Path&, auto& leaf) { leaf.fill(0); }, params);
}

}  // namespace tessera
