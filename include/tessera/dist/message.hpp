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
        std::size_t size = 0;
        each_leaf([&](auto leaf) { size += padded(leaf.size_bytes()); }, sets...);
        if (memory_.size() < size) memory_.resize(size);
        size_ = size;
    }
    /// Copies all leaves into the message.
    template <Summable... S>
    void pack(const S&... sets) {
        fit(sets...);
        std::size_t at = 0;
        each_leaf(
            [&](auto leaf) {
                if (!leaf.empty()) std::memcpy(memory_.data() + at, leaf.data(), leaf.size_bytes());
                at += padded(leaf.size_bytes());
            },
            sets...);
    }
    /// Copies the message into all leaves.
    template <Summable... S>
    void unpack(S&&... sets) const {
        std::size_t at = 0;
        each_leaf(
            [&](auto leaf) {
                if (!leaf.empty()) std::memcpy(leaf.data(), memory_.data() + at, leaf.size_bytes());
                at += padded(leaf.size_bytes());
            },
            sets...);
    }
    /// leaf += message. Integers wrap around.
    template <Summable... S>
    void add_to(S&&... sets) const {
        std::size_t at = 0;
        each_leaf(
            [&]<class T>(std::span<T> leaf) {
                add<T>(leaf, {reinterpret_cast<const T*>(memory_.data() + at), leaf.size()});
                at += padded(leaf.size_bytes());
            },
            sets...);
    }
    std::span<std::byte> bytes() { return {memory_.data(), size_}; }
    std::span<const std::byte> bytes() const { return {memory_.data(), size_}; }

private:
    static constexpr std::size_t padded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

    template <class F, class... S>
    static void each_leaf(F&& f, S&... sets) {
        (visit(f, sets), ...);
    }
    template <class F, class S>
    static void visit(F& f, S& set) {
        if constexpr (Parameters<std::remove_const_t<S>>)
            std::remove_const_t<S>::each(
                [&](const ParamPath&, auto& leaf) { f(std::span<element<decltype(leaf.span())>>{leaf.span()}); }, set);
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
