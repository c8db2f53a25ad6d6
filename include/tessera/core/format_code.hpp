#pragma once
// FormatCode: what is wrong with a file, for programs; FormatError::what() says it for people. The values are
// stable: new ones are added at the end.

#include <tessera/core/abi.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

enum class FormatCode : std::uint8_t {
    truncated,      ///< the file ends before something that must be there
    limit,          ///< asks for more than Limits allows
    header_length,  ///< says that its header is longer than the file
    utf8,           ///< text that is no UTF-8
    json,           ///< text that is not the JSON that is expected here
    number,         ///< not a whole number from 0 to 2^64 - 1, written in digits
    name,           ///< empty, too long, or with a zero
    duplicate_key,  ///< a name or a field that stands twice
    field,          ///< unknown or missing
    dtype,          ///< unknown, or not the one that is asked for
    overflow,       ///< sizes whose product does not fit in 64 bits
    offsets,        ///< outside of the data, overlapping, or with holes between them
    size,           ///< as many bytes as do not fit the shape or the dimensions
    checksum,       ///< damaged, or changed without its checksum
    version,        ///< of a later format
    mismatch,       ///< whole, but not of this model or this run
    not_finite,     ///< a weight that is NaN or infinite
    magic,          ///< another format than expected
    idx,            ///< breaks a rule of IDX
    gzip,           ///< breaks a rule of gzip
    deflate,        ///< breaks a rule of DEFLATE
    png,            ///< breaks a rule of PNG
    jpeg,           ///< breaks a rule of JPEG
    image           ///< the decoder refuses it, or it does not have the expected form
};

}  // namespace tessera
