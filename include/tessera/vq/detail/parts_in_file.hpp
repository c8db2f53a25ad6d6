#pragma once
// The leaves of the parts of a composed quantizer that a file may leave out: "1.codebook.count" is that of part 1, with
// the names of vq::Levels.

#include <tessera/vq/quantizer.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq::detail {

// The length of the prefix of part l of `sets`, or npos for a leaf of another part. A single set has no prefix.
inline std::size_t prefix_of_part(std::string_view leaf, std::size_t l, std::size_t sets) {
    if (sets == 1) return 0;
    const std::string prefix = std::to_string(l) + ".";
    return leaf.starts_with(prefix) ? prefix.size() : std::string_view::npos;
}

template <Quantizer Q>
bool optional_in_part(std::string_view leaf, std::size_t l, std::size_t sets) {
    const std::size_t prefix = prefix_of_part(leaf, l, sets);
    return prefix != leaf.npos && vq::optional_in_file<Q>(leaf.substr(prefix));
}

template <Quantizer Q>
void fill_missing_part(typename Q::Params& params, typename Q::Buffers& buffers, std::span<const std::string> missing,
                       std::size_t l, std::size_t sets) noexcept {
    if constexpr (FillsMissing<Q>) {
        std::vector<std::string> own;
        for (const std::string& leaf : missing)
            if (const std::size_t prefix = prefix_of_part(leaf, l, sets); prefix != leaf.npos)
                own.push_back(leaf.substr(prefix));
        vq::fill_missing<Q>(params, buffers, own);
    }
}

}  // namespace tessera::vq::detail
