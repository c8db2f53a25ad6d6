#include "quantizer_names.hpp"

#include "quantizers.hpp"

#include <algorithm>
#include <iterator>

namespace digits {

const std::vector<QuantizerName>& quantizer_names() {
    static const std::vector<QuantizerName> names = std::apply(
        [](const auto&... row) {
            return std::vector<QuantizerName>{{row.name, row.help}...};
        },
        quantizer_table);
    return names;
}

std::optional<std::size_t> find_quantizer(std::string_view name) {
    const auto& names = quantizer_names();
    const auto found = std::ranges::find(names, name, &QuantizerName::name);
    if (found == names.end()) return {};
    return static_cast<std::size_t>(std::distance(names.begin(), found));
}

std::string list_of_quantizers() {
    const auto& names = quantizer_names();
    std::string text = names.front().name;
    for (std::size_t i = 1; i < names.size(); ++i) text += (i + 1 < names.size() ? ", " : " or ") + names[i].name;
    return text;
}

}  // namespace digits
