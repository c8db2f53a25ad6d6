#pragma once
// Idx: a view of an array in IDX, the file format of MNIST: bytes of any rank, with big-endian dimensions.
//
//     0 0 8 rank | dimension 0 | dimension 1 | ... | values
//
// The 8 is the type "unsigned byte", the only supported one. Nothing is copied: the values are a view of the file's
// bytes.
//
// Shapes   values [dims[0] x dims[1] x ...]
// Errors   FormatError with the offset in the file

#include <tessera/files/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::data {

template <std::size_t Rank>
struct Idx {
    std::array<std::size_t, Rank> dims{};
    ByteView values;
};

template <std::size_t Rank>
inline constexpr std::size_t idx_header = 4 + 4 * Rank;

/// The length in bytes that a file must have if it begins with `start`.
template <std::size_t Rank>
std::uint64_t idx_file_size(ByteView start, std::string_view name) {
    if (start.size() < idx_header<Rank>)
        malformed(FormatCode::truncated, name, start.size(),
                  "IDX header: " + expected_got(idx_header<Rank>, start.size()) + " bytes");
    if (start[0] != 0 || start[1] != 0) malformed(FormatCode::magic, name, 0, "IDX: the first two bytes must be zero");
    if (start[2] != 8)
        malformed(FormatCode::idx, name, 2, "IDX type: " + expected_got("8 (unsigned byte)", std::to_string(start[2])));
    if (start[3] != Rank) malformed(FormatCode::idx, name, 3, "IDX rank: " + expected_got(Rank, start[3]));
    std::optional<std::uint64_t> size = 1;
    for (std::size_t d = 0; d < Rank; ++d) {
        const std::uint32_t length = big_endian_32(start, 4 + 4 * d);
        if (length == 0) malformed(FormatCode::idx, name, 4 + 4 * d, "IDX dimension " + std::to_string(d) + " is zero");
        size = checked_product(*size, length);
        if (!size || *size > ~std::uint64_t{0} - idx_header<Rank>)
            malformed(FormatCode::overflow, name, 4 + 4 * d,
                      "IDX: the product of the dimensions does not fit in 64 bits");
    }
    return *size + idx_header<Rank>;
}

/// Parses a file called `name`, which must be one array and nothing else.
template <std::size_t Rank>
Idx<Rank> parse_idx(ByteView file, std::string_view name) {
    const std::uint64_t size = idx_file_size<Rank>(file, name);
    if (file.size() != size)
        malformed(FormatCode::size, name, file.size() < size ? file.size() : size,
                  "IDX length: " + expected_got(std::to_string(size), std::to_string(file.size())) + " bytes");
    Idx<Rank> idx;
    for (std::size_t d = 0; d < Rank; ++d) idx.dims[d] = big_endian_32(file, 4 + 4 * d);
    idx.values = file.subspan(idx_header<Rank>);
    return idx;
}

}  // namespace tessera::data
