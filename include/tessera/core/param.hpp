#pragma once
// Param: one named leaf of a parameter set, the values of a Shape. Gradients and optimiser state have the same type.
//
//     P::each(f, sets...)      f(path, leaf...) for each leaf, where `sets` are any number of objects of one type P
//
// Gradients, both Adam moments and averaged weights are further values of the parameters' type. A parameter set has a
// static visitor `each`, which takes any number of sets and passes a name and the corresponding leaves to f: the
// optimiser, the reduction of gradients, the checkpoint and the parameter count are all written with it.
//
// Axes gives the layout that files and PyTorch see: their dimension i is our dimension Axes[i]. Our own order puts last
// what a kernel loads as one vector (Linear [in, out], convolution [height, width, in, out]).
//
// Errors   StateError where span() is called on a Param that was moved from; static_assert where T is not a number or
//          is bool, and where Axes does not have one entry for each dimension
// Cost     one allocation of S::size elements

#include <tessera/core/buffer.hpp>
#include <tessera/core/error.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/shape.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// The role of a parameter. A layer sets it in init, and a model with its own initialisation (Gpt) reads it; it is
/// never deduced from a name. Layers that contain layers keep `output` correct: only the last layer has it, and a
/// Residual changes it to `residual`.
enum class Role : unsigned char {
    none,      ///< not set by the layer: its initialisation is kept
    weight,    ///< the weight of a product, or an embedding
    output,    ///< the weight of the product that is the output of the layer
    residual,  ///< the weight of the product that is added to the residual stream
    bias,
    gain,  ///< a factor that is initialised to 1
};

/// PyTorch's dimension i is our dimension A_i; Axes<> leaves the order as it is.
template <std::size_t... A>
struct Axes {
    static constexpr std::array<std::size_t, sizeof...(A)> order{A...};
};

template <class T, StaticShape S, class Order = Axes<>>
class Param {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>,
                  "Param: the element type must be an integer or a floating-point type, and not bool");

public:
    using Scalar = T;
    using Dims = S;
    static_assert(Order::order.size() == 0 || Order::order.size() == S::rank, "Param: one axis for each dimension");

    /// Throws StateError if the parameter was moved from.
    [[nodiscard]] std::span<T, S::size> span() {
        check_size();
        return std::span<T, S::size>{values_};
    }
    [[nodiscard]] std::span<const T, S::size> span() const {
        check_size();
        return std::span<const T, S::size>{values_};
    }
    [[nodiscard]] T* data() noexcept { return values_.data(); }
    [[nodiscard]] const T* data() const noexcept { return values_.data(); }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return values_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return values_[i]; }
    void fill(T value) { std::ranges::fill(values_, value); }
    Role role() const { return role_; }
    void set_role(Role role) { role_ = role; }

    /// The dimensions in the order of files and PyTorch.
    [[nodiscard]] static constexpr std::array<std::size_t, S::rank> file_dims() {
        std::array<std::size_t, S::rank> dims = S::dims;
        if constexpr (Order::order.size() != 0)
            for (std::size_t i = 0; i < S::rank; ++i) dims[i] = S::dims[Order::order[i]];
        return dims;
    }
    /// Index in memory of element i in the order of files.
    [[nodiscard]] static constexpr std::size_t from_file_index(std::size_t i) {
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
            throw StateError("Param: used after it was moved from: " + expected_got(S::size, values_.size()));
    }

    Buffer<T> values_ = Buffer<T>(S::size);
    Role role_ = Role::none;
};

/// The parameters and gradient of a layer without weights, and the cache of a layer that needs none.
struct Empty {
    template <class F, class... P>
    static void each(F&&, P&...) {}
};

namespace detail {
struct NoOpVisitor {
    template <class... P>
    void operator()(const ParamPath&, P&...) const {}
};
/// StateError where a leaf was moved from.
struct CheckLeaf {
    template <class L>
    void operator()(const ParamPath&, const L& leaf) const {
        static_cast<void>(leaf.span());
    }
};
struct ZeroLeaf {
    template <class L>
    void operator()(const ParamPath&, L& leaf) const {
        leaf.fill(0);
    }
};
}  // namespace detail

/// A set of named leaves: a value that can be copied (a snapshot) and visited together with others of its type (a step
/// of the optimiser). Not weaker, because optimiser, checkpoint and reduction all need `each`; not stronger, so that a
/// plain struct with one two-line function is enough.
template <class P>
concept Parameters = std::copyable<P> && std::default_initializable<P> && requires(P& p, const P& q) {
    P::each(detail::NoOpVisitor{}, p, q);
};

/// Number of weights of a parameter set.
template <Parameters P>
[[nodiscard]] std::size_t parameter_count(const P& params) {
    std::size_t count = 0;
    P::each([&](const ParamPath&, const auto& leaf) { count += leaf.span().size(); }, params);
    return count;
}

/// For layers that contain layers: changes the role of every leaf with the role `from`.
template <Parameters P>
void change_role(P& params, Role from, Role to) {
    P::each(
        [&](const ParamPath&, auto& leaf) {
            if (leaf.role() == from) leaf.set_role(to);
        },
        params);
}

/// Sets every leaf to zero, as a gradient before a step.
template <Parameters P>
void set_zero(P& params) {
    P::each(detail::ZeroLeaf{}, params);
}

}  // namespace tessera
