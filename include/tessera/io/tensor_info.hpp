#pragma once
// TensorInfo: what the header of a safetensors file says of one tensor. SafetensorsHeader: of all of them, and the metadata.

#include <tessera/io/dtype.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

struct TensorInfo {
    std::string name;
    Dtype dtype{};
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0;  // of its bytes, from the beginning of the data
    std::uint64_t end = 0;
    std::uint64_t at = 0;  // where its entry stands in the file, for messages
};

/// Tensors under their names, or under those that the reader gives them.
using TensorsByName = std::map<std::string, const TensorInfo*, std::less<>>;

struct MetadataEntry {
    std::string key;
    std::string value;
    std::uint64_t at = 0;  // where the value's opening quote stands in the file
};

struct SafetensorsHeader {
    std::vector<TensorInfo> tensors;  // in the order of their data
    std::vector<MetadataEntry> metadata;
};

/// "64x32x4x4", for messages.
inline std::string shape_text(const std::vector<std::uint64_t>& shape) {
    std::string text;
    for (const std::uint64_t d : shape) (text += text.empty() ? "" : "x") += std::to_string(d);
    return shape.empty() ? "scalar" : text;
}

}  // namespace tessera::io
