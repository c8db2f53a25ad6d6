#pragma once
// The names of a VqVae in a file: the keys of its settings and metadata, none of them twice, those of its loss with the
// prefix "loss."; and the leaves that a file may lack.

#include <tessera/core/error.hpp>
#include <tessera/core/option_hooks.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/setting.hpp>
#include <tessera/vq/quantizer_hooks.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::vq::detail {

template <class Loss>
NamedValues metadata_of_loss() {
    NamedValues all = metadata_of<Loss>();
    for (auto& [key, value] : all) key = "loss." + key;
    return all;
}

/// What must agree with a file and is not visible in the shapes of its tensors.
template <class Q, class Loss>
NamedValues metadata(std::size_t codes, std::size_t tokens) {
    NamedValues all{{"codes", std::to_string(codes)}, {"tokens", std::to_string(tokens)}};
    const std::vector<Setting> options = settings_of<Q>(typename Q::Options{});
    const auto is_codes = [](const Setting& setting) { return setting.key == "codes"; };
    if (std::any_of(options.begin(), options.end(), is_codes)) all.erase(all.begin());
    if constexpr (requires { std::string{Q::name}; }) all.emplace_back("quantizer", std::string{Q::name});
    for (const NamedValues& part : {metadata_of<Q>(), metadata_of_loss<Loss>()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// The names of leaves get the prefix, too, as those of the loss in a file.
template <class Loss>
std::vector<Setting> settings_of_loss(const typename Loss::Options& options) {
    std::vector<Setting> all = settings_of<Loss>(options);
    for (Setting& setting : all) {
        setting.key = "loss." + setting.key;
        for (std::string& leaf : setting.leaves) leaf = "loss." + leaf;
    }
    return all;
}

/// The options, which are compared when a run is resumed.
template <class Q, class Loss>
std::vector<Setting> settings(const typename Q::Options& options, const typename Loss::Options& loss_options) {
    std::vector<Setting> all = settings_of<Q>(options);
    if constexpr (requires { std::string{Loss::name}; }) all.push_back({"loss", std::string{Loss::name}});
    for (Setting& setting : settings_of_loss<Loss>(loss_options)) all.push_back(std::move(setting));
    return all;
}

/// Whether a file lacks a leaf of the quantizer that is not optional. `missing` may have names of other parts.
template <class Q>
bool lacks_quantizer(std::span<const std::string> missing, const typename Q::Params& params,
                     const typename Q::Buffers& buffers) noexcept {
    return std::any_of(missing.begin(), missing.end(), [&](std::string_view name) {
        bool own = false;
        const auto compare = [&](const ParamPath& path, const auto&) { own = own || path.is(name); };
        Q::Params::each(compare, params);
        Q::Buffers::each(compare, buffers);
        return own && !vq::optional_in_file<Q>(name);
    });
}

/// ArgumentError for a key that is there twice, which io::save would find at the first checkpoint.
inline void check_keys(const NamedValues& metadata, const std::vector<Setting>& settings) {
    std::set<std::string> keys;
    const auto add = [&](const std::string& key) {
        if (!keys.insert(key).second)
            throw ArgumentError("VqVae: settings and metadata: key \"" + key +
                                "\": expected once, got it twice: VqVae writes codes, tokens, quantizer, loss and "
                                "loss.*, the quantizer the others");
    };
    for (const auto& [key, value] : metadata) add(key);
    for (const Setting& setting : settings) add(setting.key);
}

}  // namespace tessera::vq::detail
