#include <tessera/io/safetensors.hpp>

#include <tessera/io/safetensors_writer.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace tessera;
using io::SafetensorsFile;
using io::SafetensorsWriter;
using support::contains;
using support::message;
using support::TemporaryFolder;

namespace {

Bytes file(std::string_view header, std::size_t data, std::uint64_t length) {
    Bytes bytes(8);
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(length >> 8 * i);
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.resize(bytes.size() + data);
    return bytes;
}
Bytes file(std::string_view header, std::size_t data = 0) { return file(header, data, header.size()); }

std::string entry(std::string_view name, std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return "\"" + std::string{name} + "\":{\"dtype\":\"" + std::string{dtype} + "\",\"shape\":" + std::string{shape} +
           ",\"data_offsets\":" + std::string{offsets} + "}";
}
std::string header(std::initializer_list<std::string> entries) {
    std::string text;
    for (const std::string& e : entries) text += (text.empty() ? "{" : ",") + e;
    return text + "}";
}
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return header({entry("a", dtype, shape, offsets)});
}
std::string repeat(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

struct Malformed {
    int number;  // index of the case
    Bytes bytes;
    std::uint64_t offset;  // in the message
    std::string what;      // part of the message
};

const std::string f4 = entry("a", "F32", "[1]", "[0,4]");  // 52 bytes; its name is at byte 9 of a file
const std::string sound = "{" + f4 + "}";

std::vector<Malformed> malformed_files() {
    const std::string big = "18446744073709551616";  // 2^64
    std::vector<Malformed> list{
        {1, {}, 0, "header too small"},
        {2, Bytes(7), 7, "header too small"},
        {3, file(""), 0, "header length: expected at least 2 bytes, got 0"},
        {4, file(sound, 4, sound.size() + 5), 0, "header length"},
        {5, file(sound, 4, 0xFFFFFFFF0000003C), 0, "header too large"},
        {6, file(sound, 4, ~std::uint64_t{0}), 0, "header too large"},
        {6, file(sound, 4, ~std::uint64_t{0} - 7), 0, "header too large"},
        {7, file(sound, 4, 100'000'001), 0, "header too large"},
        {8, file(sound, 4, std::uint64_t{sound.size()} << 56), 0, "header too large"},
        {9, file(sound, 0), 62, "cut off: expected 4 bytes of data, got 0; missing: 4"},
        {10, file("{\"\xFF\"", 0), 10, "invalid UTF-8"},
        {11, file("{\"\xED\xA0\x80\"", 0), 10, "invalid UTF-8"},
        {11, file("{\"\xC0\xAF\"", 0), 10, "invalid UTF-8"},
        {12, file("{"), 9, "JSON"},
        {13, file("\xEF\xBB\xBF" + sound, 4), 8, "expected '{'"},
        {13, file("[" + sound + "]", 4), 8, "expected '{'"},
        {13, file("hello"), 8, "expected '{'"},
        {14, file(sound + " x", 4), 63, "the end of the header"},
        {14, file(sound + "{}", 4), 62, "the end of the header"},
        {15, file(sound + std::string(3, '\0'), 4), 62, "the end of the header"},
        {16, file(header({f4, f4}), 4), 62, "duplicate key: a"},
        {17, file(R"({"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}})", 4), 47,
         "duplicate key shape"},
        {18, file(R"({"__metadata__":{},"__metadata__":{}})"), 27, "duplicate key: __metadata__"},
        {19, file(R"({"__metadata__":{"tessera.k":"\u0000"}})"), 37, "a NUL character in __metadata__: tessera.k"},
        {20, file(header({f4, entry("\\u0061", "F32", "[0]", "[4,4]")}), 4), 62, "duplicate key: a"},
        {21, file(R"({"__metadata__":{"k":1}})"), 29, "expected '\"', got '1'"},
        {21, file(R"({"__metadata__":{"k":{"l":"m"}}})"), 29, "expected '\"', got '{'"},
        {21, file(R"({"__metadata__":[]})"), 24, "expected '{', got '['"},
        {22, file(repeat("[", 100'000)), 8, "expected '{'"},
        {22, file(repeat("{\"a\":", 100'000)), 17, "unknown field a"},
        {22, file("{\"a\":" + repeat("[", 100'000)), 13, "expected '{', got '['"},
        {23, file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4), 64, "unknown field x"},
        {24, file(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4), 9, "missing field: dtype"},
        {24, file(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4), 9, "missing field: shape"},
        {24, file(R"({"a":{"dtype":"F32","shape":[1]}})", 4), 9, "missing field: data_offsets"},
        {24, file(R"({"a":{}})"), 9, "missing field: dtype"},
        {25, file(one("F32", "{}", "[0,4]"), 4), 36, "expected '[', got '{'"},
        {25, file(one("F32", "[1]", R"(["0","4"])"), 4), 56, "number: expected digits"},
        {25, file(one("F32", "null", "[0,4]"), 4), 36, "expected '[', got 'n'"},
        {25, file(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4), 22, "expected '\"', got '1'"},
        {26, file(R"({"__metadata__":{"tessera.\u0000":"v"}})"), 42, "a NUL character in __metadata__: tessera.\\x00"},
        {27, file(one("F32", "[-1]", "[0,4]"), 4), 37, "number: expected digits, got '-'"},
        {27, file(one("F32", "[1]", "[-4,4]"), 4), 56, "number: expected digits, got '-'"},
        {28, file(one("F32", "[1.0]", "[0,4]"), 4), 38, "JSON: expected ']', got '.'"},
        {28, file(one("F32", "[1e0]", "[0,4]"), 4), 38, "JSON: expected ']', got 'e'"},
        {28, file(one("F32", "[-0]", "[0,0]")), 37, "number: expected digits, got '-'"},
        {28, file(one("F32", "[01]", "[0,4]"), 4), 38, "leading zero"},
        {28, file(one("F32", "[+1]", "[0,4]"), 4), 37, "number: expected digits, got '+'"},
        {29, file(one("U8", "[" + big + "]", "[0,4]"), 4), 55, "more than 2^64 - 1"},
        {30, file(one("U8", "[9007199254740993]", "[0,4]"), 4), 9,
         "U8 9007199254740993: expected 9007199254740993 bytes, got 4"},
        {31, file(one("F99", "[1]", "[0,4]"), 4), 9, "dtype: unknown: F99"},
        {32, file(one("f32", "[1]", "[0,4]"), 4), 9, "dtype: unknown: f32"},
        {33, file(one("U8", "[2,18446744073709551614]", "[0,4]"), 4), 9, "overflow"},
        {34, file(one("I32", "[2,9223372036854775807]", "[0,4]"), 4), 9, "overflow"},
        {35, file(one("U8", "[4294967296,4294967296]", "[0,0]")), 9, "overflow"},
        {36, file(one("U8", "[4194305,4194305,211106198978564]", "[0,4]"), 4), 9, "overflow"},
        {37, file(one("F32", "[9223372036854775808,4,0]", "[0,0]")), 9, "overflow"},
        {37, file(one("F32", "[0,9223372036854775808,4]", "[0,0]")), 9, "overflow"},
        {38, file(one("U8", "[1" + repeat(",1", 64) + "]", "[0,1]"), 1), 9, "more than 64 dimensions"},
        {39, file(one("F4", "[3]", "[0,2]"), 2), 9, "size: F4 3: expected whole bytes, got 12 bits"},
        {39, file(one("F6_E2M3", "[4]", "[0,4]"), 4), 9, "size: F6_E2M3 4: expected 3 bytes, got 4"},
        {39, file(one("F6_E2M3", "[4611686018427387904]", "[0,4]"), 4), 9, "overflow: more than 2^64 - 1 bits"},
        {40, file(one("F32", "[1]", "[4,0]"), 4), 9, "data_offsets: 4 to 0 is not a range within the 4 bytes"},
        {41, file(one("F32", "[2]", "[0,8]"), 4), 66, "cut off: expected 8 bytes of data, got 4; missing: 4"},
        {42, file(one("F32", "[3]", "[0,4]"), 4), 9, "F32 3: expected 12 bytes, got 4"},
        {42, file(one("F32", "[1]", "[0,8]"), 8), 9, "F32 1: expected 4 bytes, got 8"},
        {44, file(one("F32", "[1]", "[4,8]"), 8), 9, "hole"},
        {44, file(header({f4, entry("b", "F32", "[1]", "[8,12]")}), 12), 62, "hole: expected 4, got 8"},
        {45, file(sound, 6), 8, "the tensors hold 4 bytes, the file 6"},
        {46, file(sound, 3), 65, "cut off: expected 4 bytes of data, got 3; missing: 1"},
        {46, file(sound, 2), 64, "cut off: expected 4 bytes of data, got 2; missing: 2"},
        {47, file(one("F32", "[1]", "[0]"), 4), 57, "expected ',', got ']'"},
        {47, file(one("F32", "[1]", "[0,4,4]"), 4), 59, "expected ']', got ','"},
    };
    std::string same, huge;
    for (int i = 0; i < 10; ++i) same += (i == 0 ? "{" : ",") + entry("t" + std::to_string(i), "F32", "[1]", "[0,4]");
    list.push_back({43, file(same + "}", 4), 63, "overlap: expected 4, got 0"});
    for (std::uint64_t i = 0; i < 16; ++i) {
        const std::uint64_t step = std::uint64_t{1} << 60;
        huge +=
            (i == 0 ? "{" : ",") + entry("t" + std::to_string(i), "U8", "[" + std::to_string(step) + "]",
                                         "[" + std::to_string(i * step) + "," + std::to_string((i + 1) * step) + "]");
    }
    list.push_back({48, file(huge + "}"), 1614, "data_offsets: 17293822569102704640 to 0 is not a range"});
    return list;
}

FormatCode code_of(const Malformed& m) {
    using enum FormatCode;
    static constexpr std::array<FormatCode, 49> usual{
        json,     truncated, truncated,     header_length, header_length, limit,    limit,
        limit,    limit,     offsets,       utf8,          utf8,          json,     json,
        json,     json,      duplicate_key, duplicate_key, duplicate_key, name,     duplicate_key,
        json,     json,      field,         field,         json,          name,     number,
        json,     number,    size,          dtype,         dtype,         overflow, overflow,
        overflow, overflow,  overflow,      limit,         size,          offsets,  offsets,
        size,     offsets,   offsets,       offsets,       offsets,       json,     offsets};
    if (m.what.starts_with("number: ") || m.what == "leading zero") return number;  // listed under JSON
    if (m.what.starts_with("overflow")) return overflow;
    if (m.what.starts_with("cut off")) return truncated;
    return m.what.starts_with("unknown field") ? field : usual[static_cast<std::size_t>(m.number)];
}

}  // namespace

TEST_CASE("safetensors: each malformed file is an error with its reason and offset") {
    int kinds = 0, last = 0;
    for (const Malformed& m : malformed_files()) {
        CAPTURE(m.number);
        try {
            SafetensorsFile{m.bytes, "bad.safetensors"};
            FAIL("was accepted");
        } catch (const FormatError& e) {
            const std::string text = e.what();
            CAPTURE(text);
            CHECK((e.offset() == m.offset && e.path() == "bad.safetensors"));
            CHECK(text.starts_with("bad.safetensors @" + std::to_string(m.offset) + ": "));
            CHECK(contains(text, m.what));
            CHECK(e.code() == code_of(m));
        }
        kinds += m.number != last;
        last = m.number;
    }
    CHECK(kinds == 48);
}

TEST_CASE("safetensors: the message says what a file of another kind looks like") {
    using namespace std::string_view_literals;
    const auto told = [](std::string_view start) {
        Bytes bytes(start.begin(), start.end());
        bytes.resize((std::max)(bytes.size(), std::size_t{200}));
        const std::string text = message<FormatError>([&] { SafetensorsFile{bytes, "x"}; });
        const std::size_t at = text.find("; it looks like ");
        return at == std::string::npos ? std::string{} : text.substr(at + 16);
    };
    const std::string advice = ": save with the safetensors package";
    CHECK(told("PK\x03\x04") == "a zip archive, as torch.save writes" + advice);
    CHECK(told("PK\x03\x04\0\0\x08\x08"sv) == "a zip archive, as torch.save writes" + advice);
    CHECK(told("\x80\x02}q\0(X\x0A"sv) == "a pickle" + advice);
    CHECK(told("GGUF\x03\0\0\0"sv) == "a GGUF file");
    CHECK(told("{\n  \"metadata\": {}}"sv) == "JSON, such as an index: expected one of the files that it names");
    CHECK(told("\x89HDF\r\n\x1A\n") == "an HDF5 file");
    CHECK(told("\x93NUMPY\x01\x02") == "a NumPy array (.npy)");
    CHECK(told("version https://git-lfs.github.com/spec/v1") == "a pointer of Git LFS: run git lfs pull");
    CHECK(told("<!DOCTYPE html>") == "a web page: the download failed");
    const std::string json = "JSON, such as an index: expected one of the files that it names";
    CHECK(told(" [\n{\"a\": 1}]") == json);
    CHECK(told("").starts_with("zeros"));
    std::string tar(512, '\0');
    tar.replace(0, 17, "model.safetensors");
    tar.replace(257, 5, "ustar");
    CHECK(told(tar) == "a tar archive: unpack it first");
    const auto all_told = [](std::string_view text) {
        const std::string said = message<FormatError>([&] { SafetensorsFile{Bytes(text.begin(), text.end()), "x"}; });
        const std::size_t at = said.find("; it looks like ");
        return at == std::string::npos ? std::string{} : said.substr(at + 16);
    };
    CHECK(all_told("Entry not found") == "text: \"Entry not found\"");
    CHECK(all_told("404") == "text: \"404\"");
    CHECK(all_told(std::string(70, 'x') + "\nline 2") == "text: \"" + std::string(60, 'x') + "...\"");
    CHECK(all_told("[1, 2]") == json);
    CHECK(all_told("\x01\x02\x03\x04\x05\x06\x07\x08 text").empty());
    CHECK(all_told("").empty());
    CHECK(told("\x80\x02").empty());  // a header of 640 bytes in a file that was cut
    CHECK(told("<").empty());
}

TEST_CASE("safetensors: valid files that look odd are read") {
    const auto tensors = [](const Bytes& bytes) { return SafetensorsFile{bytes, "odd"}.tensors().size(); };
    CHECK(tensors(file("{}")) == 0);
    CHECK(tensors(file(sound + "   ", 4)) == 1);
    CHECK(tensors(file(" \n\t" + sound, 4)) == 1);
    CHECK(tensors(file(one("F32", "[]", "[0,4]"), 4)) == 1);
    CHECK(tensors(file(one("F32", "[3,0]", "[0,0]"))) == 1);
    CHECK(tensors(file(header({entry("a", "F32", "[0]", "[4,4]"), entry("c", "F32", "[0]", "[4,4]"),
                               entry("b", "F32", "[1]", "[0,4]")}),
                       4)) == 3);
    CHECK(tensors(file(header({entry("z", "F32", "[1]", "[0,4]"), entry("a", "F32", "[1]", "[4,8]")}), 8)) == 2);
    CHECK(tensors(file(header({entry("a", "F32", "[1]", "[4,8]"), entry("z", "F32", "[1]", "[0,4]")}), 8)) == 2);
    CHECK(tensors(file(R"({"__metadata__":{"k":"v \"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}})")) == 0);
    CHECK(tensors(file(header({entry("\xC3\xA9\xF0\x9F\x98\x80", "F32", "[1]", "[0,4]")}), 4)) == 1);
    CHECK(tensors(file(header({entry("a", "F64", "[1]", "[0,8]"), entry("b", "F16", "[1]", "[8,10]"),
                               entry("c", "BF16", "[1]", "[10,12]")}),
                       12)) == 3);
    CHECK(tensors(file(header({entry("a", "F4", "[2,3]", "[0,3]"), entry("b", "F6_E3M2", "[4]", "[3,6]"),
                               entry("c", "F8_E8M0", "[2]", "[6,8]"), entry("d", "F4", "[3,0]", "[8,8]")}),
                       8)) == 4);
    Bytes unaligned = file(sound + "  ", 4);  // data at an unaligned address
    unaligned[unaligned.size() - 2] = 0x80;
    unaligned[unaligned.size() - 1] = 0x3F;
    SafetensorsFile odd{unaligned, "odd"};
    float value = 0;
    odd.read(*odd.find("a"), std::span{&value, 1});
    CHECK(value == 1.0f);
}

TEST_CASE("safetensors: a file that ends in its header is said to be cut off") {
    const Bytes whole = file(sound, 4);
    CHECK(message<FormatError>([&] {
              SafetensorsFile{Bytes(whole.begin(), whole.begin() + 30), "x"};
          }) == "x @0: header length: 54 is more than the file has left, 22: the file is cut off");
}

TEST_CASE("safetensors: what is not read may have an odd name or shape, which is an error where it is read") {
    const std::string nines = "[1" + repeat(",1", 8) + "]", most = "[1" + repeat(",1", 63) + "]";
    const std::string long_name(1025, 'x');
    const Bytes bytes = file(header({entry("", "U8", "[1]", "[0,1]"), entry(long_name, "U8", "[1]", "[1,2]"),
                                     entry("a\\u0000b", "U8", "[1]", "[2,3]"), entry("nine", "U8", nines, "[3,4]"),
                                     entry("most", "U8", most, "[4,5]"), entry("z", "C64", "[2]", "[5,21]"),
                                     R"("__metadata__":{"":"","k\u0000":"a\u0000b"})"}),
                             21);
    const auto refused = [&](std::string_view name, const ReadLimits& limits) {
        SafetensorsFile f{bytes, "x", limits};
        REQUIRE(f.find(name));
        std::uint8_t value = 0;
        const std::string text = message<FormatError>([&] {
            f.read(*f.find(name), std::span<std::uint8_t>{&value, 1});
        });
        return text.substr((std::min)(text.size(), text.find(": ") + 2));
    };
    using namespace std::string_view_literals;
    CHECK(refused("", {}) == "tensor : name: expected 1 to 1024 bytes, got 0");
    CHECK(contains(refused(long_name, {}), "name: expected 1 to 1024 bytes, got 1025"));
    CHECK(refused("a\0b"sv, {}) == "tensor a\\x00b: name: a NUL character");
    CHECK(refused("nine", {}) == "tensor nine: shape: expected at most 8 dimensions, got 9");
    CHECK(refused("most", {}) == "tensor most: shape: expected at most 8 dimensions, got 64");
    CHECK(refused("most", {.rank = 64}).empty());
    CHECK(refused(long_name, {.name = 1025}).empty());
    const SafetensorsFile f{bytes, "x"};
    CHECK(f.metadata("k\0"sv) == std::string("a\0b", 3));
    CHECK(f.metadata("") == "");
}

TEST_CASE("safetensors: tensors are equal that have the same type, shape and bytes") {
    SafetensorsWriter writer;
    std::vector<float> values(400'000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const std::array<std::uint64_t, 1> flat{400'000};
    const std::array<std::uint64_t, 2> square{1000, 400};
    writer.add<float>("a", flat, values);
    writer.add<float>("b", flat, values);
    writer.add<float>("c", square, values);
    values.back() = -1;
    writer.add<float>("d", flat, values);
    writer.add<std::int32_t>("e", flat, std::vector<std::int32_t>(values.size()));
    SafetensorsFile f{writer.bytes(), "x"};
    const auto equal = [&](const char* name) { return f.are_equal(*f.find("a"), *f.find(name)); };
    CHECK(equal("b"));
    CHECK(!equal("c"));
    CHECK(!equal("d"));
    CHECK(!equal("e"));
}

TEST_CASE("safetensors: names, shapes, order and metadata are read unchanged") {
    SafetensorsFile f{file(header({entry("b", "F32", "[2,3]", "[4,28]"), entry("a", "I16", "[2]", "[0,4]"),
                                   R"("__metadata__":{"k":"\u00e9\ud83d\ude00\n"})"}),
                           28),
                      "x"};
    CHECK((f.tensors()[0].name == "a" && f.tensors()[1].name == "b"));
    CHECK(f.find("b")->shape == std::vector<std::uint64_t>{2, 3});
    CHECK((f.find("c") == nullptr && f.find("") == nullptr && f.find("a")->dtype == io::Dtype::i16));
    CHECK(f.metadata("k") == "\xC3\xA9\xF0\x9F\x98\x80\n");
    CHECK(!f.metadata("K"));
}

TEST_CASE("safetensors: another element type is an error when the tensor is read") {
    SafetensorsFile f{file(one("BF16", "[2]", "[0,4]"), 4), "x"};
    float value[1];
    CHECK(message<FormatError>([&] { f.read(f.tensors()[0], std::span<float>{value}); }) ==
          "x @9: tensor a: dtype: expected F32, got BF16");
    SafetensorsFile g{file(sound, 4), "x"};
    float two[2];
    CHECK(message<ArgumentError>([&] { g.read(g.tensors()[0], std::span<float>{two}); }) ==
          "SafetensorsFile: read: a: expected 4 bytes, got 8");
}

TEST_CASE("safetensors: names in messages are escaped") {
    const std::string text = message<FormatError>([] {
        SafetensorsFile{file(header({entry("a\\u001b[2J", "F9", "[1]", "[0,4]")}), 4), "x"};
    });
    CHECK(contains(text, "tensor a\\x1b[2J: dtype"));
}

TEST_CASE("safetensors: a huge header takes linear time, and too many tensors are an error") {
    const auto start = std::chrono::steady_clock::now();
    const std::string spaces(20'000'000, ' ');
    CHECK(contains(message<FormatError>([&] { SafetensorsFile{file(spaces), "x"}; }), "expected '{', got the end"));
    std::string many = "{";
    for (int i = 0; i <= 100'000; ++i) many += (i == 0 ? "" : ",") + entry(std::to_string(i), "U8", "[0]", "[0,0]");
    CHECK(contains(message<FormatError>([&] { SafetensorsFile{file(many + "}"), "x"}; }), "more than 100000 tensors"));
    CHECK(contains(message<FormatError>([&] { SafetensorsFile(file(sound, 4), "x", {.header = 20}); }),
                   "header too large"));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{20});
}

TEST_CASE("safetensors: any flipped bit, truncation or extra byte in a file of tessera is detected") {
    SafetensorsWriter writer;
    writer.metadata("tessera.version", "0");
    writer.metadata("format", "pt");
    const std::array<float, 3> values{1.5f, -2, 0};
    const std::array<std::uint64_t, 2> shape{3, 1};
    writer.add<float>("encoder.0.weight", shape, values);
    const Bytes good = writer.bytes();
    const auto accepted = [](const Bytes& bytes) {
        try {
            SafetensorsFile f{bytes, "x"};
            f.verify_checksum();
            return true;
        } catch (const FormatError&) {
            return false;
        }
    };
    CHECK(accepted(good));
    CHECK(good.size() % 64 == 12);
    std::size_t missed = 0;
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Bytes bad = good;
        bad[bit / 8] ^= static_cast<unsigned char>(1 << bit % 8);
        missed += accepted(bad);
    }
    for (std::size_t length = 0; length < good.size(); ++length)
        missed += accepted(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
    for (std::size_t more = 1; more <= 16; ++more) {
        Bytes bad = good;
        bad.resize(good.size() + more);
        missed += accepted(bad);
    }
    CHECK(missed == 0);
}

TEST_CASE("safetensors: a file of another program without a checksum is read") {
    SafetensorsFile f{file(header({f4, R"("__metadata__":{"format":"pt"})"}), 4), "x"};
    CHECK_NOTHROW(f.verify_checksum());
    SafetensorsFile g{file(header({f4, R"("__metadata__":{"tessera.version":"1"})"}), 4), "x"};
    CHECK(contains(message<FormatError>([&] { g.verify_checksum(); }), "tessera.crc32 is missing"));
}

TEST_CASE("safetensors: reads at offsets beyond 4 GiB in a sparse file") {
    const TemporaryFolder folder;
    constexpr std::uint64_t size = std::uint64_t{5} << 30;
    const std::string text =
        header({entry("a", "U8", "[" + std::to_string(size) + "]", "[0," + std::to_string(size) + "]"),
                entry("b", "F32", "[1]", "[" + std::to_string(size) + "," + std::to_string(size + 4) + "]")});
    const std::string path = folder.write("sparse", file(text, 0));
    std::filesystem::resize_file(path, 8 + text.size() + size + 4);
    SafetensorsFile f{path};
    float value = 1;
    f.read(*f.find("b"), std::span{&value, 1});
    CHECK(value == 0.0f);
}

TEST_CASE("safetensors: the error for a damaged file names the damaged tensors") {
    SafetensorsWriter writer;
    const std::array<std::uint64_t, 1> shape{2};
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) writer.add<float>(name, shape, std::array<float, 2>{1, 2});
    const Bytes good = writer.bytes();
    const auto message_with = [&](std::initializer_list<std::size_t> tensors) {
        Bytes bad = good;
        for (const std::size_t t : tensors) bad[good.size() - 48 + 8 * t] ^= 1;
        return message<FormatError>([&] { SafetensorsFile{bad, "x"}.verify_checksum(); });
    };
    CHECK(message_with({}).empty());
    CHECK(contains(message_with({3}), " in d: the file is damaged"));
    CHECK(contains(message_with({0, 5}), " in a, f: the file"));
    CHECK(contains(message_with({0, 1, 2, 3, 4}), " in a, b, c, d, ...: the file"));
}

TEST_CASE("safetensors: metadata keep their order") {
    const SafetensorsFile f{file(header({f4, R"("__metadata__":{"b":"1","a":"2"})"}), 4), "x"};
    REQUIRE(f.metadata().size() == 2);
    CHECK((f.metadata()[0].key == "b" && f.metadata()[1].value == "2"));
}

TEST_CASE("safetensors: a big-endian machine reverses the bytes of each element") {
    Bytes bytes{1, 2, 3, 4, 5, 6, 7, 8};
    io::detail::reverse_elements(bytes, 4);
    CHECK(bytes == Bytes{4, 3, 2, 1, 8, 7, 6, 5});
}
