#pragma once
// Names and help texts of the quantizers, without their types (quantizers.hpp).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace digits {

struct QuantizerName {
    std::string name, help;
};

/// In the order of the table; the first one is the default.
const std::vector<QuantizerName>& quantizer_names();
/// The row of a name in the table.
std::optional<std::size_t> find_quantizer(std::string_view name);
/// "codebook, fsq or lfq"
std::string list_of_quantizers();

}  // namespace digits
