#pragma once
// read_idx_file: reads an IDX file of a given rank, plain or compressed with gzip.
//
// The first bytes tell whether a file is compressed, not its name. Of a compressed file only the header is decompressed
// first; it states the length of the array, and no more than that is allocated, except for 64 KiB of surplus bytes.
//
// Errors   FormatError where the file is malformed or exceeds the limits, IoError where it cannot be read
// Cost     holds the compressed file and the array at the same time

#include <tessera/core/read_limits.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/data/idx.hpp>
#include <tessera/files/file.hpp>
#include <tessera/image/gzip.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI::data {

/// The bytes of the IDX array in a file called `name`, which is either a gzip file or the array itself.
template <std::size_t Rank>
[[nodiscard]] Bytes unpack_idx(Bytes file, std::string_view name, const ReadLimits& limits = {}) {
    if (!image::is_gzip(file)) return file;
    Bytes start(idx_header<Rank>);
    start.resize(image::gunzip_start(file, start, name));
    const std::uint64_t size = idx_file_size<Rank>(start, name);
    if (size > limits.inflated)
        malformed(FormatCode::limit, name, 0,
                  "IDX length: " + expected_got("at most " + std::to_string(limits.inflated), std::to_string(size)));
    if (size / image::max_inflate_ratio >
        file.size())  // before anything is allocated for the size that the header states
        malformed(FormatCode::truncated, name, file.size(),
                  "gzip: " + std::to_string(file.size()) + " bytes cannot hold the " + std::to_string(size) +
                      " of the IDX array");
    // The content may be longer than the array, in its last member or in others; parse_idx decides whether that is
    // harmless.
    constexpr std::uint64_t most_surplus = 64 << 10;
    Bytes bytes(to_size(size + most_surplus));
    bytes.resize(image::gunzip_at_least(to_size(size), file, bytes, name));
    return bytes;
}

template <std::size_t Rank>
[[nodiscard]] Bytes read_idx_file(const std::string& path, const ReadLimits& limits = {}) {
    return unpack_idx<Rank>(read_file(path, limits.file), path, limits);
}

}  // namespace tessera::data
