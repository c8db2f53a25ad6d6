#pragma once
// gunzip: decompresses a gzip file (RFC 1952), which has one or more members of this form.
//
//     1F 8B 8 flags time(4) extra-flags system | [extra] [name] [comment] [crc16] | deflate | crc32 length
//
// The caller provides an output of the expected size, so a small file cannot cause a large allocation. Both checksums
// of each member, CRC-32 and length, are verified. Bytes after the last member are ignored.
//
// Errors   FormatError with the offset in the file, where it is malformed or does not fill the output exactly
// Cost     as inflate; allocates only its tables

#include <tessera/files/bytes.hpp>
#include <tessera/files/crc32.hpp>
#include <tessera/image/inflate.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI::image {

inline bool is_gzip(ByteView file) { return file.size() >= 2 && file[0] == 0x1F && file[1] == 0x8B; }

namespace detail {
/// Where the deflate stream of the member at `at` begins.
inline std::size_t gzip_data(ByteView file, std::size_t at, std::string_view name) {
    const std::size_t start = at;
    const auto need = [&](std::size_t bytes) {
        if (file.size() - at < bytes)
            malformed(FormatCode::truncated, name, file.size(), "gzip: the header ends early");
    };
    const auto skip_text = [&] {
        do need(1);
        while (file[at++] != 0);
    };
    need(10);
    if (!is_gzip(file.subspan(at))) malformed(FormatCode::magic, name, at, "gzip: not the start of a member");
    if (file[at + 2] != 8) malformed(FormatCode::gzip, name, at + 2, "gzip method: " + expected_got(8, file[at + 2]));
    const unsigned flags = file[at + 3];
    if (flags & 0xE0) malformed(FormatCode::gzip, name, at + 3, "gzip: reserved flags are set");
    at += 10;
    if (flags & 4) {
        need(2);
        const std::size_t length = file[at] | std::size_t{file[at + 1]} << 8;
        at += 2;
        need(length);
        at += length;
    }
    if (flags & 8) skip_text();   // name
    if (flags & 16) skip_text();  // comment
    if (flags & 2) {
        need(2);
        const std::size_t crc = crc32(file.subspan(start, at - start)) & 0xFFFF;
        if ((file[at] | std::size_t{file[at + 1]} << 8) != crc)
            malformed(FormatCode::checksum, name, at, "gzip: the header's checksum is wrong");
        at += 2;
    }
    return at;
}
}  // namespace detail

/// Decompresses the first bytes of the file called `name`, without checksums; returns how many, at most out.size().
[[nodiscard]] inline std::size_t gunzip_start(ByteView file, std::span<unsigned char> out, std::string_view name) {
    std::size_t done = 0;
    constexpr int most_members = 1000;  // millions of empty ones would take minutes
    std::size_t at = 0;
    for (int members = 0; members < most_members; ++members) {  // they may be shorter than `out`, also empty
        at = detail::gzip_data(file, at, name);
        std::size_t written = 0;
        const Inflated result = inflate(file.subspan(at), out.subspan(done), written, name, at);
        done += written;
        at += result.consumed;
        if (done == out.size() || file.size() - at < 8 || !is_gzip(file.subspan(at + 8))) return done;
        at += 8;
    }
    return done;
}

/// Decompresses the whole file called `name`, of `least` bytes or more, and returns how many; `out` must hold them.
[[nodiscard]] inline std::size_t gunzip_at_least(std::size_t least, ByteView file, std::span<unsigned char> out,
                                                 std::string_view name) {
    std::size_t done = 0;
    for (std::size_t at = 0; at < file.size() || at == 0;) {
        if (at != 0 && !is_gzip(file.subspan(at))) break;  // padding or surplus bytes, as gzip ignores them
        at = detail::gzip_data(file, at, name);
        const std::span<unsigned char> rest = out.subspan(done);
        std::size_t written = 0;
        const Inflated result = inflate(file.subspan(at), rest, written, name, at);
        at += result.consumed;
        if (!result.complete)
            malformed(FormatCode::size, name, at,
                      "gzip: holds more than the expected " + std::to_string(least) + " bytes");
        if (file.size() - at < 8)
            malformed(FormatCode::truncated, name, file.size(), "gzip: the file ends before its checksum");
        const std::uint32_t crc = crc32(rest.first(written));
        if (crc != little_endian_32(file, at))
            malformed(FormatCode::checksum, name, at, "gzip: the checksum of the data is wrong");
        if ((written & 0xFFFFFFFF) != little_endian_32(file, at + 4))
            malformed(FormatCode::size, name, at + 4,
                      "gzip length: " + expected_got(little_endian_32(file, at + 4), written));
        at += 8;
        done += written;
    }
    if (done < least)
        malformed(FormatCode::size, name, file.size(), "gzip content: " + expected_got(least, done) + " bytes");
    return done;
}

/// Decompresses the whole file called `name`; the result must fill `out` exactly.
inline void gunzip(ByteView file, std::span<unsigned char> out, std::string_view name) {
    static_cast<void>(gunzip_at_least(out.size(), file, out, name));
}

}  // namespace tessera::image
