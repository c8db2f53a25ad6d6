#pragma once
// Path: the name of a parameter, "encoder.3.weight", while the visitors build it.
//
// It is a linked list on the stack with the outermost segment first, and becomes a string only when one is needed.
//
// Cost     no allocation except in str()

#include <tessera/core/abi.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

class Path {
public:
    constexpr Path(const char* name) noexcept : name_{name} {}
    constexpr Path(std::string_view name, const Path* inner) noexcept : name_{name}, inner_{inner} {}
    constexpr Path(std::size_t index, const Path& inner) noexcept : index_{index}, inner_{&inner} {}

    [[nodiscard]] std::string str() const {
        std::string text = name_.empty() ? std::to_string(index_) : std::string{name_};
        if (inner_) {
            text += '.';
            text += inner_->str();
        }
        return text;
    }
    /// The leaf's own name: "weight".
    [[nodiscard]] constexpr std::string_view leaf() const noexcept { return inner_ ? inner_->leaf() : name_; }
    [[nodiscard]] constexpr const Path* inner() const noexcept { return inner_; }

private:
    std::string_view name_;
    std::size_t index_ = 0;
    const Path* inner_ = nullptr;
};

/// Wraps a visitor so that the path of every leaf gets one more segment in front: a name, or the index in a chain.
template <class Segment, class F>
auto with_prefix(Segment segment, F& f) {
    return [segment, &f](const Path& leaf, auto&... p) {
        if constexpr (requires { std::string_view{segment}; })
            f(Path{std::string_view{segment}, &leaf}, p...);
        else
            f(Path{static_cast<std::size_t>(segment), leaf}, p...);
    };
}

}  // namespace tessera
