#pragma once
// Idx: a view of an array in IDX, the file format of MNIST: bytes of any rank, with big-endian dimensions.
//
//     0 0 8 rank | dimension 0 | dimension 1 | ... | values
//
// The 8 is the type "unsigned byte", the only supported one. Nothing is copied: the values are a view of the file's
// bytes. A few bytes after the array are ignored and counted (`surplus`); as many as a whole image are an error,
// because then the header counts too few.
//
// A message says what the file looks like, where it is no IDX file of this rank: the labels of MNIST, an array of
// floats, a gzip file, a web page.
//
// Shapes   values [dims[0] x dims[1] x ...]
// Errors   FormatError with the offset in the file

#include <tessera/files/bytes.hpp>
#include <tessera/files/looks_like.hpp>

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
    std::size_t surplus = 0;  ///< number of bytes after the array
};

template <std::size_t Rank>
inline constexpr std::size_t idx_header = 4 + 4 * Rank;

namespace detail {

/// "float", "bytes": the elements of IDX type `type`; empty if there is no such type.
constexpr std::string_view idx_elements(unsigned char type) {
    switch (type) {
    case 0x08:
        return "unsigned bytes";
    case 0x09:
        return "signed bytes";
    case 0x0B:
        return "16-bit integers";
    case 0x0C:
        return "32-bit integers";
    case 0x0D:
        return "floats";
    case 0x0E:
        return "doubles";
    default:
        return {};
    }
}

/// "one dimension, as labels have": what an array of this rank is in the sets that come in IDX.
inline std::string idx_rank(unsigned rank) {
    if (rank == 1) return "one dimension, like a file of labels";
    return std::to_string(rank) + " dimensions" + (rank == 3 ? ", like a file of gray images" : "");
}

/// What a file that does not begin like an IDX file looks like.
inline std::string looks_unlike_idx(ByteView start) {
    if (std::string known = looks_like(start); !known.empty()) return known;
    if (start.size() >= 4 && start[2] == 0 && start[3] == 0 && start[0] >= 1 && start[0] <= 4 &&
        !idx_elements(start[1]).empty())
        return looks_like("an IDX file with the bytes of each number reversed");
    bool text = start.size() >= 4;
    for (const unsigned char c : start) text = text && (c == '\n' || c == '\r' || c == '\t' || (c >= 32 && c < 127));
    return text ? looks_like("text") : std::string{};
}

}  // namespace detail

/// More bytes after the array are no padding: the header counts too few labels. Of images, one more is enough.
inline constexpr std::uint64_t most_surplus_labels = 64;

/// The length in bytes that a file must have if it begins with `start`.
template <std::size_t Rank>
std::uint64_t idx_file_size(ByteView start, std::string_view name) {
    if (start.size() >= 2 && (start[0] != 0 || start[1] != 0))
        malformed(FormatCode::magic, name, 0,
                  "IDX: the first two bytes must be zero" + detail::looks_unlike_idx(start));
    const auto need = [&](std::size_t bytes) {
        if (start.size() < bytes)
            malformed(FormatCode::truncated, name, start.size(),
                      "IDX header: " + expected_got(idx_header<Rank>, start.size()) + " bytes");
    };
    need(4);
    if (start[2] != 8) {
        const std::string_view elements = detail::idx_elements(start[2]);
        malformed(FormatCode::idx, name, 2,
                  "IDX type: " + expected_got("8 (unsigned bytes)", std::to_string(start[2])) +
                      (elements.empty() ? "" : " (" + std::string{elements} + ")"));
    }
    if (start[3] != Rank)
        malformed(FormatCode::idx, name, 3,
                  "IDX rank: " + expected_got(Rank, start[3]) + ": an array of " + detail::idx_rank(start[3]));
    need(idx_header<Rank>);
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

/// Parses a file called `name`, which begins with an array.
template <std::size_t Rank>
[[nodiscard]] Idx<Rank> parse_idx(ByteView file, std::string_view name) {
    const std::uint64_t size = idx_file_size<Rank>(file, name);
    Idx<Rank> idx;
    for (std::size_t d = 0; d < Rank; ++d) idx.dims[d] = big_endian_32(file, 4 + 4 * d);
    const std::uint64_t item = (size - idx_header<Rank>) / idx.dims[0];  // bytes of an image, or of a label
    if (file.size() < size)
        malformed(FormatCode::size, name, file.size(),
                  "IDX length: " + expected_got(std::to_string(size), std::to_string(file.size())) +
                      " bytes: the file has " + std::to_string((file.size() - idx_header<Rank>) / item) + " whole of " +
                      std::to_string(idx.dims[0]));
    const std::uint64_t surplus = file.size() - size;
    if (surplus >= (Rank == 1 ? most_surplus_labels : item))
        malformed(FormatCode::size, name, 4,
                  "IDX length: " + expected_got(std::to_string(size), std::to_string(file.size())) +
                      " bytes: the header counts " + std::to_string(idx.dims[0]) + ", the file has " +
                      std::to_string((file.size() - idx_header<Rank>) / item));
    idx.values = file.subspan(idx_header<Rank>, static_cast<std::size_t>(size - idx_header<Rank>));
    idx.surplus = static_cast<std::size_t>(surplus);
    return idx;
}

}  // namespace tessera::data
