#pragma once
// ParamPath: the name of a parameter, "encoder.3.weight", while the visitors build it.
//
// It is a linked list on the stack with the outermost segment first, and becomes a string only when one is needed.
//
// Cost     no allocation except in str()

#include <tessera/core/abi.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

template <class F>
class Prefixed;

class ParamPath {
public:
    constexpr ParamPath(const char* name) noexcept : name_{name} {}
    constexpr ParamPath(std::string_view name, const ParamPath* inner) noexcept : name_{name}, inner_{inner} {}
    constexpr ParamPath(std::size_t index, const ParamPath& inner) noexcept : index_{index}, inner_{&inner} {}
    constexpr explicit ParamPath(std::size_t index) noexcept : index_{index} {}

    [[nodiscard]] std::string str() const {
        std::string text = name_.empty() ? std::to_string(index_) : std::string{name_};
        if (inner_) {
            text += '.';
            text += inner_->str();
        }
        return text;
    }
    /// Whether str() would return this text.
    [[nodiscard]] constexpr bool is(std::string_view text) const noexcept {
        const std::size_t dot = text.find('.');
        const std::string_view first = inner_ ? text.substr(0, dot) : text;
        const bool same = name_.empty() ? is_number(first, index_) : first == name_;
        if (!inner_) return same;
        // the name of a segment may have dots: "step.log"
        if (!name_.empty() && !same)
            return text.size() > name_.size() && text.starts_with(name_) && text[name_.size()] == '.' &&
                   inner_->is(text.substr(name_.size() + 1));
        return same && dot != text.npos && inner_->is(text.substr(dot + 1));
    }
    /// The leaf's own name: "weight".
    [[nodiscard]] constexpr std::string_view leaf() const noexcept { return inner_ ? inner_->leaf() : name_; }
    [[nodiscard]] constexpr const ParamPath* inner() const noexcept { return inner_; }

private:
    template <class F>
    friend class Prefixed;

    // This segment with `inner`, which must outlive it, behind.
    constexpr ParamPath followed_by(const ParamPath& inner) const noexcept {
        ParamPath path = *this;
        path.inner_ = &inner;
        return path;
    }
    static constexpr bool is_number(std::string_view text, std::size_t n) noexcept {
        for (std::size_t i = text.size(); i > 0; --i, n /= 10)
            if (text[i - 1] != static_cast<char>('0' + n % 10) || (n == 0 && i != text.size())) return false;
        return n == 0 && !text.empty();
    }

    std::string_view name_;
    std::size_t index_ = 0;
    const ParamPath* inner_ = nullptr;
};

/// The visitor that with_prefix() returns. Its type does not grow with the depth: each type of parameters is compiled
/// once for a visitor F, wherever it is in a model, where Prefixed<Prefixed<F>> would be one more copy for each path.
template <class F>
class Prefixed {
public:
    constexpr Prefixed(ParamPath segment, F& f, const Prefixed* outer = nullptr) noexcept
        : segment_{segment}, f_{&f}, outer_{outer} {}

    template <class... P>
    constexpr void operator()(const ParamPath& leaf, P&... p) const {
        const ParamPath path = segment_.followed_by(leaf);
        if (outer_)
            (*outer_)(path, p...);
        else
            (*f_)(path, p...);
    }
    /// The same visitor with one more segment, between those that it has and the leaf.
    [[nodiscard]] constexpr Prefixed deeper(ParamPath segment) const noexcept { return {segment, *f_, this}; }

private:
    ParamPath segment_;
    F* f_;
    const Prefixed* outer_;  // nullptr: the path is complete
};

namespace detail {

template <class F>
inline constexpr bool is_prefixed = false;
template <class F>
inline constexpr bool is_prefixed<Prefixed<F>> = true;

template <class F>
[[nodiscard]] constexpr auto prefixed(ParamPath segment, F& f) noexcept {
    if constexpr (is_prefixed<std::remove_const_t<F>>)
        return f.deeper(segment);
    else
        return Prefixed<F>{segment, f};
}

}  // namespace detail

/// Wraps a visitor so that the path of every leaf gets one more segment in front: a name, or the index in a chain.
/// The result refers to `f` and to the characters of the name, which must outlive it.
template <class F>
[[nodiscard]] constexpr auto with_prefix(std::string_view name, F& f) noexcept {
    return detail::prefixed(ParamPath{name, nullptr}, f);
}
template <class Index, class F>
    requires(std::convertible_to<Index, std::size_t> && !std::convertible_to<Index, std::string_view>)
[[nodiscard]] constexpr auto with_prefix(Index index, F& f) noexcept {
    return detail::prefixed(ParamPath{static_cast<std::size_t>(index)}, f);
}
/// A temporary string: its characters would be gone.
template <class Name, class F>
    requires(!std::is_lvalue_reference_v<Name> && std::convertible_to<Name, std::string_view> &&
             !std::same_as<std::remove_cvref_t<Name>, std::string_view> && !std::is_pointer_v<std::decay_t<Name>>)
void with_prefix(Name&& name, F& f) = delete;

}  // namespace tessera
