#include <tessera/core/format_code.hpp>

#include <doctest/doctest.h>
#include <image/deflate_samples.hpp>
#include <image/png_builder.hpp>
#include <support/temporary_folder.hpp>

#include <tessera/data/idx.hpp>
#include <tessera/image/decode_image.hpp>
#include <tessera/image/gzip.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/train/checkpoints.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using namespace tessera;

namespace {

struct Number {
    Param<float, Shape<1>> value;
    template <class F, class... S>
    static void each_state(F&& f, S&... s) {
        f("number", s.value...);
    }
};

/// A safetensors file with this header and 4 bytes of data.
Bytes file(std::string_view header, std::uint64_t length) {
    Bytes bytes(8);
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(length >> 8 * i);
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.resize(bytes.size() + 4);
    return bytes;
}
void read(std::string_view header) { io::SafetensorsFile{file(header, header.size()), "x"}; }
Bytes number_file(float value) {
    Number n;
    n.value[0] = value;
    return io::collect(n).bytes();
}
/// io::save refuses it.
Bytes nan_file() {
    io::SafetensorsWriter writer;
    const std::array<std::uint64_t, 1> shape{1};
    const std::array values{std::numeric_limits<float>::quiet_NaN()};
    writer.add<float>("number", shape, values);
    return writer.bytes();
}
void load(Bytes bytes) {
    Number n;
    io::SafetensorsFile f{std::move(bytes), "x"};
    io::load(f, n);
}
void expand(ByteView gzip) {
    std::array<unsigned char, 64> out{};
    image::gunzip(gzip, out, "x");
}

struct Case {
    FormatCode code;
    std::uint64_t offset;
    const char* message;
    void (*provoke)();
};

const std::vector<Case> cases{
    {FormatCode::truncated, 7, "x @7: header too small: expected at least 8 bytes, got 7",
     [] {
         io::SafetensorsFile{Bytes(7), "x"};
     }},
    {FormatCode::limit, 0, "x @0: header too large: expected at most 100000000 bytes, got",
     [] {
         io::SafetensorsFile{file("{}", ~0ull), "x"};
     }},
    {FormatCode::header_length, 0, "x @0: header length: 99 is more than the file has left, 6",
     [] {
         io::SafetensorsFile{file("{}", 99), "x"};
     }},
    {FormatCode::utf8, 10, "x @10: invalid UTF-8", [] { read("{\"\xFF\""); }},
    {FormatCode::json, 8, "x @8: JSON: expected '{', got '['", [] { read("[]"); }},
    {FormatCode::number, 37, "x @37: number: expected digits, got '-'",
     [] { read(R"({"a":{"dtype":"F32","shape":[-1]}})"); }},
    {FormatCode::name, 37, "x @37: a NUL character in __metadata__: tessera.k",
     [] { read(R"({"__metadata__":{"tessera.k":"\u0000"}})"); }},
    {FormatCode::duplicate_key, 27, "x @27: duplicate key: __metadata__",
     [] { read(R"({"__metadata__":{},"__metadata__":{}})"); }},
    {FormatCode::field, 9, "x @9: tensor a: missing field: dtype", [] { read(R"({"a":{}})"); }},
    {FormatCode::dtype, 9, "x @9: tensor a: dtype: unknown: F9", [] { read(R"({"a":{"dtype":"F9"}})"); }},
    {FormatCode::overflow, 9, "x @9: tensor a: shape: 4294967296x4294967296: overflow",
     [] { read(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,4]}})"); }},
    {FormatCode::offsets, 9, "x @9: tensor a: data_offsets: 4 to 0 is not a range within the 4 bytes of data",
     [] { read(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})"); }},
    {FormatCode::size, 9, "x @9: tensor a: size: U8 3: expected 3 bytes, got 4",
     [] { read(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,4]}})"); }},
    {FormatCode::checksum, 0, " in number: the file is damaged",
     [] {
         Bytes bytes = number_file(1);
         bytes.back() = 0;
         load(bytes);
     }},
    {FormatCode::version, 0, ": version of the checkpoint: expected 1, got 2",
     [] {
         const support::TemporaryFolder folder;
         auto writer = io::collect(Number{});
         writer.metadata("tessera.checkpoint.version", "2");
         writer.metadata("tessera.checkpoint.step", "7");
         writer.write(folder / "step-000000000007.safetensors");
         static_cast<void>(Checkpoints{folder.str()}.newest());
     }},
    {FormatCode::mismatch, 0, "io::load: x: number: expected 1, missing in the file",
     [] { load(file("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 53)); }},
    {FormatCode::not_finite, 0, "io::load: x: number: element 0: expected a finite number, got nan",
     [] { load(nan_file()); }},
    {FormatCode::magic, 0, "x @0: neither a PNG nor a JPEG: all bytes of the file are 0",
     [] { static_cast<void>(image::decode_image(Bytes(9), 1, "x")); }},
    {FormatCode::idx, 3, "x @3: IDX rank: expected 1, got 3",
     [] {
         static_cast<void>(data::parse_idx<1>(Bytes{0, 0, 8, 3, 0, 0, 0, 1, 0}, "x"));
     }},
    {FormatCode::gzip, 2, "x @2: gzip method: expected 8, got 7",
     [] {
         expand(Bytes{0x1F, 0x8B, 7, 0, 0, 0, 0, 0, 0, 0, 0});
     }},
    {FormatCode::deflate, 11, "x @11: ",
     [] {
         expand(Bytes{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0});
     }},
    {FormatCode::png, 33, "x @33: PNG: IHDR must come first, and once",
     [] {
         Bytes bytes = samples::png({});
         const Bytes again(bytes.begin() + 8, bytes.begin() + 33);
         bytes.insert(bytes.begin() + 33, again.begin(), again.end());
         static_cast<void>(image::decode_image(bytes, 1, "x"));
     }},
    {FormatCode::jpeg, 2, "x @2: JPEG: a marker in the wrong place",
     [] {
         static_cast<void>(image::decode_image(Bytes{0xFF, 0xD8, 0xFF, 0xD8, 0, 0}, 1, "x"));
     }},
    {FormatCode::image, 16, "x @16: image: 0 x 3 pixels",
     [] { static_cast<void>(image::decode_image(samples::png({.width = 0}), 1, "x")); }},
};

}  // namespace

TEST_CASE("FormatCode: each code is thrown, with its offset and its message") {
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const Case& c = cases[i];
        CAPTURE(i);
        CHECK(static_cast<std::size_t>(c.code) == i);  // fails if a code has no case
        try {
            c.provoke();
            FAIL("nothing was thrown");
        } catch (const FormatError& e) {
            const std::string text = e.what();
            CAPTURE(text);
            CHECK(e.code() == c.code);
            if (c.offset != 0) CHECK(e.offset() == c.offset);
            CHECK(std::string_view{e.what()}.find(c.message) != std::string_view::npos);
        }
    }
    CHECK(cases.size() == static_cast<std::size_t>(FormatCode::image) + 1);
}
