#pragma once
// ParamPath: the name of a parameter, "encoder.3.weight", while the visitors build it.
//
// It is a linked list on the stack with the outermost segment first, and becomes a string only when one is needed.
//
// Cost     no allocation except in str()

#include <tessera/core/abi.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

class ParamPath {
public:
    constexpr ParamPath(const char* name) noexcept : name_{name} {}
    constexpr ParamPath(std::string_view name, const ParamPath* inner) noexcept : name_{name}, inner_{inner} {}
    constexpr ParamPath(std::size_t index, const ParamPath& inner) noexcept : index_{index}, inner_{&inner} {}

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
    static constexpr bool is_number(std::string_view text, std::size_t n) noexcept {
        for (std::size_t i = text.size(); i > 0; --i, n /= 10)
            if (text[i - 1] != static_cast<char>('0' + n % 10) || (n == 0 && i != text.size())) return false;
        return n == 0 && !text.empty();
    }

    std::string_view name_;
    std::size_t index_ = 0;
    const ParamPath* inner_ = nullptr;
};

/// Wraps a visitor so that the path of every leaf gets one more segment in front: a name, or the index in a chain.
template <class Segment, class F>
auto with_prefix(Segment segment, F& f) {
    return [segment, &f](const ParamPath& leaf, auto&... p) {
        if constexpr (requires { std::string_view{segment}; })
            f(ParamPath{std::string_view{segment}, &leaf}, p...);
        else
            f(ParamPath{static_cast<std::size_t>(segment), leaf}, p...);
    };
}

}  // namespace tessera
