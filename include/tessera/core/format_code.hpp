#pragma once
// FormatCode: what is wrong with a file, for programs; FormatError::what() says it to people.
//
// The values are stable: new ones are added at the end.

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

enum class FormatCode : std::uint8_t {
    truncated,      ///< the file ends before something that must be there
    limit,          ///< a size or a count exceeds ReadLimits
    header_length,  ///< the stated length of the header exceeds the file
    utf8,           ///< text is not valid UTF-8
    json,           ///< text is not the JSON that the format requires
    number,         ///< not an integer from 0 to 2^64 - 1, in digits only
    name,           ///< empty, too long, or with a NUL character
    duplicate_key,  ///< a name or a field occurs twice
    field,          ///< a field is unknown or missing
    dtype,          ///< an element type is unknown, or not the requested one
    overflow,       ///< the product of the sizes does not fit in 64 bits
    offsets,        ///< offsets are outside the data, overlap, or leave gaps
    size,           ///< the number of bytes does not match the shape or the dimensions
    checksum,       ///< the file is damaged, or was changed without its checksum
    version,        ///< the file has a later version of the format
    mismatch,       ///< a valid file of another model or another run
    not_finite,     ///< a weight is NaN or infinite
    magic,          ///< not the expected format
    idx,            ///< violates the IDX format
    gzip,           ///< violates the gzip format
    deflate,        ///< violates the DEFLATE format
    png,            ///< violates the PNG format
    jpeg,           ///< violates the JPEG format
    image           ///< the decoder rejects the image, or it has the wrong size
};

}  // namespace tessera
