#include <tessera/codec/codec_header.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>
#include <support/mismatch.hpp>

#include <cstddef>
#include <string>

using namespace tessera;
using namespace tessera::codec;

namespace codec_header_test {

namespace {

const CodecHeader header{.model = 0x1122334455667788, .sequences = 3, .classes = 10, .context = 49, .vocab = 256};
Bytes file() { return with_codec_header(header, Bytes{5, 6, 7}); }

struct Refusal {
    std::string message;
    FormatCode code{};
};
Refusal refusal(ByteView bytes) {
    try {
        static_cast<void>(read_codec_header(bytes, "f"));
    } catch (const FormatError& e) {
        return {e.what(), e.code()};
    }
    return {};
}

}  // namespace

TEST_CASE("CodecHeader: is read as it was written, byte for byte in the documented places") {
    const Bytes bytes = file();
    CHECK(bytes.size() == codec_header_size + 3);
    CHECK(read_codec_header(bytes, "f") == header);
    CHECK(std::string(bytes.begin(), bytes.begin() + 8) == "TSCODEC\x1A");
    CHECK(little_endian_32(bytes, 8) == 1);
    CHECK(little_endian_64(bytes, 12) == header.model);
    CHECK(little_endian_64(bytes, 20) == 3);
    CHECK(little_endian_32(bytes, 28) == 10);
    CHECK(little_endian_32(bytes, 32) == 49);
    CHECK(little_endian_32(bytes, 36) == 256);
    CHECK(little_endian_64(bytes, 40) == 3);
}

TEST_CASE("CodecHeader: every shorter file is truncated, every longer one has surplus bytes") {
    const Bytes bytes = file();
    support::Mismatch wrong;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Refusal r = refusal(ByteView{bytes}.first(size));
        wrong.require(r.code == FormatCode::truncated && !r.message.empty(), "cut to ", size, ": ", r.message);
    }
    CHECK(wrong.first() == "");
    CHECK(refusal(ByteView{bytes}.first(40)).message == "f @40: header: expected 52, got 40");
    CHECK(refusal(ByteView{bytes}.first(54)).message == "f @52: bytes after the header: expected 3, got 2");
    Bytes longer = bytes;
    longer.push_back(0);
    CHECK(refusal(longer).message == "f @52: bytes after the header: expected 3, got 4");
    CHECK(refusal(longer).code == FormatCode::size);
}

TEST_CASE("CodecHeader: a change of any byte is refused") {
    support::Mismatch wrong;
    for (std::size_t i = 0; i < file().size(); ++i)
        for (const unsigned bit : {1u, 128u}) {
            Bytes bytes = file();
            bytes[i] = static_cast<unsigned char>(bytes[i] ^ bit);
            const Refusal r = refusal(bytes);
            wrong.require(!r.message.empty(), "byte ", i, " was accepted");
            if (i < 8) wrong.require(r.code == FormatCode::magic, "byte ", i, ": ", r.message);
            if (i >= 8 && i < 12) wrong.require(r.code == FormatCode::version, "byte ", i, ": ", r.message);
            if ((i >= 12 && i < 40) || i >= 48)
                wrong.require(r.code == FormatCode::checksum, "byte ", i, ": ", r.message);
        }
    CHECK(wrong.first() == "");
    Bytes later = file();
    later[8] = 2;
    CHECK(refusal(later).message == "f @8: version: expected 1, got 2");
    const Bytes png{0x89, 'P', 'N', 'G'};
    CHECK(refusal(png).message == "f @0: expected a file of the codec: it does not begin with TSCODEC");
    Bytes damaged = file();
    damaged.back() = 9;
    CHECK(refusal(damaged).message == "f @48: checksum: expected that of the bytes: the file is damaged");
}

}  // namespace codec_header_test
