#pragma once
// TensorInfo: the entry of one tensor in the header of a safetensors file. SafetensorsHeader has all of them.

#include <tessera/io/dtype.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

struct TensorInfo {
    std::string name;
    Dtype dtype{};
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0;   ///< range of its bytes, relative to the beginning of the data
    std::uint64_t end = 0;     ///< the first byte after them
    std::uint64_t offset = 0;  ///< of its entry in the file, for messages
};

/// Alphabetical, also for names that are no std::string. std::less<> is in <functional>, 0.2 MB of
/// source in every file that includes a model.
struct NameOrder {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a < b; }
};

/// Tensors by their names, or by the names that a reader gives them.
using TensorsByName = std::map<std::string, const TensorInfo*, NameOrder>;

struct MetadataEntry {
    std::string key;
    std::string value;
    std::uint64_t offset = 0;  ///< of the value's opening quote in the file
};

struct SafetensorsHeader {
    std::vector<TensorInfo> tensors;  ///< in the order of their data
    std::vector<MetadataEntry> metadata;
};

/// "64x32x4x4", for messages.
inline std::string shape_text(const std::vector<std::uint64_t>& shape) {
    std::string text;
    for (const std::uint64_t d : shape) (text += text.empty() ? "" : "x") += std::to_string(d);
    return shape.empty() ? "scalar" : text;
}

}  // namespace tessera::io
