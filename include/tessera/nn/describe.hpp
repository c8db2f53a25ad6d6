#pragma once
// describe: the layers of a net as a table, for a log. A fused pair is one line.
//
//        layer               input    output   parameters
//     0  Convolution + Relu  28x28x1  14x14x4          68
//     2  Residual            14x14x4  14x14x4         148
//       0  Conv2d            14x14x4  14x14x4         148
//        total                                        216
//
// The number before a layer is its position in its chain, as in the names of its parameters ("2.0.weight"). A Repeat
// shows its group once. Its own line counts all copies, which have one more level in the names of the parameters.
//
// Cost     allocates the parameters of each layer once to count them

#include <tessera/nn/chain.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/residual.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::nn {

namespace detail {

// Structural, because a net is usually a struct derived from its Chain.
template <class L>
concept ChainLike = requires {
    typename L::Parts;
    typename L::template At<0>;
    { L::count } -> std::convertible_to<std::size_t>;
};

template <class L>
std::string name_or(std::string_view other) {
    if constexpr (requires { std::string_view{L::name}; }) other = L::name;
    return std::string{other};
}

/// The name of a layer and, where it consists of other layers, their chain.
template <class L>
struct Contents {
    static std::string name() { return name_or<L>("layer"); }
};
template <ChainLike L>
struct Contents<L> {
    using Inner = L;
    static std::string name() { return name_or<L>("Chain"); }
};
template <StaticShape In, std::floating_point T, class... Specs>
struct Contents<ResidualLayer<In, T, Specs...>> {
    using Inner = typename ResidualLayer<In, T, Specs...>::Inner;
    static std::string name() { return "Residual"; }
};
template <StaticShape In, std::size_t N, std::floating_point T, class... Specs>
struct Contents<RepeatLayer<In, N, T, Specs...>> {
    using Inner = typename RepeatLayer<In, N, T, Specs...>::Inner;
    static std::string name() { return "Repeat " + std::to_string(N) + " times"; }
};

// Position and name, input, output, parameters.
using DescribedLayer = std::array<std::string, 4>;

template <Layer L>
DescribedLayer described(std::string title) {
    return {std::move(title), to_string(typename L::Input{}), to_string(typename L::Output{}),
            std::to_string(parameter_count(typename L::Params{}))};
}

template <ChainLike Net>
void describe_chain(std::size_t depth, std::vector<DescribedLayer>& lines) {
    const auto describe_layer = [&]<std::size_t M>() {
        using L = typename Net::template At<M>;
        using Is = Contents<L>;
        std::string title(2 * depth, ' ');
        title += std::to_string(Net::Parts::template position<M>);
        title += "  ";
        title += Is::name();
        lines.push_back(described<L>(std::move(title)));
        if constexpr (requires { typename Is::Inner; }) describe_chain<typename Is::Inner>(depth + 1, lines);
    };
    [&]<std::size_t... M>(std::index_sequence<M...>) { (describe_layer.template operator()<M>(), ...); }
    (std::make_index_sequence<Net::count>{});
}

}  // namespace detail

/// `std::puts(describe<Encoder>().c_str())`. Net is a Chain or any other layer.
template <Layer Net>
[[nodiscard]] std::string describe() {
    std::vector<detail::DescribedLayer> lines{{"   layer", "input", "output", "parameters"}};
    if constexpr (detail::ChainLike<Net>)
        detail::describe_chain<Net>(0, lines);
    else
        lines.push_back(detail::described<Net>("   " + detail::Contents<Net>::name()));
    lines.push_back({"   total", "", "", detail::described<Net>("")[3]});

    std::array<std::size_t, 4> widths{};
    for (const auto& line : lines)
        for (std::size_t c = 0; c < line.size(); ++c) widths[c] = (std::max)(widths[c], line[c].size());
    std::string text;
    for (const auto& line : lines) {
        for (std::size_t c = 0; c < line.size(); ++c) {
            const std::string space(widths[c] - line[c].size(), ' ');
            const bool number = c + 1 == line.size();  // right-aligned
            text += number ? space + line[c] + '\n' : line[c] + space + "  ";
        }
    }
    return text;
}

}  // namespace tessera::nn
