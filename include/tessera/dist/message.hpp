#pragma once
// Message: the buffer in which the elements of a call are sent.
//
//     set      a parameter set (gradients, buffers, statistics), or a contiguous range of numbers (losses)
//
// All leaves of all sets of a call are copied into one message: a message takes some microseconds however short it is,
// and a network of 100 leaves would pay that 100 times. Every leaf begins at a multiple of 64 bytes, in the order of
// the sets and of `each`. Keep one Message for all calls.
//
// Cost     one copy of all leaves; memory of the largest call, and no allocation after it

#include <tessera/core/buffer.hpp>
#include <tessera/core/param.hpp>
#include <tessera/kernel/elementwise.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::dist {

template <class T>
concept SummableElement = std::is_arithmetic_v<T> && !std::same_as<T, bool>;

/// What can be sent and summed. Only numbers, because the bytes of a message are added up; but not only parameter sets,
/// so that a loss can be sent with a gradient as it is.
template <class S>
concept Summable = Parameters<std::remove_cvref_t<S>> || requires(std::remove_reference_t<S>& set) {
    requires SummableElement<typename decltype(std::span{set})::value_type>;
};

class Message {
public:
    /// Reserves memory for the leaves of these sets; bytes() then has their size.
    template <Summable... S>
    void fit(const S&... sets) {
        Measure measure;
        each_leaf(measure, sets...);
        if (memory_.size() < measure.at) memory_.resize(measure.at);
        size_ = measure.at;
    }
    /// Copies all leaves into the message.
    template <Summable... S>
    void pack(const S&... sets) {
        fit(sets...);
        Pack copy{memory_.data()};
        each_leaf(copy, sets...);
    }
    /// Copies the message into all leaves.
    template <Summable... S>
    void unpack(S&&... sets) const {
        Unpack copy{memory_.data()};
        each_leaf(copy, sets...);
    }
    /// leaf += message. Integers wrap around.
    template <Summable... S>
    void add_to(S&&... sets) const {
        Add sum{memory_.data()};
        each_leaf(sum, sets...);
    }
    std::span<std::byte> bytes() { return {memory_.data(), size_}; }
    std::span<const std::byte> bytes() const { return {memory_.data(), size_}; }

private:
    static constexpr std::size_t padded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

    struct Measure {
        std::size_t at = 0;

        template <class T>
        void operator()(std::span<T> leaf) {
            at += padded(leaf.size_bytes());
        }
    };
    struct Pack {
        std::byte* to;
        std::size_t at = 0;

        template <class T>
        void operator()(std::span<T> leaf) {
            if (!leaf.empty()) std::memcpy(to + at, leaf.data(), leaf.size_bytes());
            at += padded(leaf.size_bytes());
        }
    };
    struct Unpack {
        const std::byte* from;
        std::size_t at = 0;

        template <class T>
        void operator()(std::span<T> leaf) {
            if (!leaf.empty()) std::memcpy(leaf.data(), from + at, leaf.size_bytes());
            at += padded(leaf.size_bytes());
        }
    };
    struct Add {
        const std::byte* from;
        std::size_t at = 0;

        template <class T>
        void operator()(std::span<T> leaf) {
            add<T>(leaf, {reinterpret_cast<const T*>(from + at), leaf.size()});
            at += padded(leaf.size_bytes());
        }
    };
    template <class F>
    struct OfLeaf {
        F& f;

        template <class L>
        void operator()(const ParamPath&, L& leaf) const {
            f(std::span<element<decltype(leaf.span())>>{leaf.span()});
        }
    };

    template <class F, class... S>
    static void each_leaf(F& f, S&... sets) {
        (visit(f, sets), ...);
    }
    template <class F, class S>
    static void visit(F& f, S& set) {
        if constexpr (Parameters<std::remove_const_t<S>>)
            std::remove_const_t<S>::each(OfLeaf<F>{f}, set);
        else
            f(std::span<element<decltype(std::span{set})>>{set});
    }
    template <class Span>
    using element = typename Span::element_type;

    template <class T>
    static void add(std::span<T> sum, std::span<const T> more) {
        if constexpr (std::floating_point<T>) {
            kernel::add<T>(sum, more, sum);
        } else {
            using Unsigned = std::make_unsigned_t<T>;
            for (std::size_t i = 0; i < sum.size(); ++i)
                sum[i] = static_cast<T>(
                    static_cast<Unsigned>(static_cast<Unsigned>(sum[i]) + static_cast<Unsigned>(more[i])));
        }
    }

    Buffer<std::byte> memory_;
    std::size_t size_ = 0;
};

}  // namespace tessera::dist
