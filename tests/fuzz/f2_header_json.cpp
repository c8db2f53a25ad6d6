// F2: almost valid headers. The input chooses names, types, shapes, offsets, white space, escapes and omissions, so
// that every rule beyond the JSON syntax is reached.

#include "header_check.hpp"

#include <array>
#include <string>

namespace {

using fuzz::Choices;

std::string number(Choices& c) {
    static constexpr std::array<const char*, 14> odd{"-1",
                                                     "1.0",
                                                     "01",
                                                     "1e3",
                                                     "18446744073709551616",
                                                     "18446744073709551615",
                                                     "9007199254740993",
                                                     "4294967296",
                                                     "4294967295",
                                                     "",
                                                     "null",
                                                     "\"1\"",
                                                     "[]",
                                                     "true"};
    if (const std::size_t kind = c.below(24); kind < odd.size()) return odd[kind];
    return std::to_string(c.below(3) == 0 ? c.number() : c.below(40));
}
std::string space(Choices& c) {
    static constexpr std::array<const char*, 6> spaces{"", "", "", " ", "\n\t", "\r"};
    return spaces[c.below(spaces.size())];
}
std::string name(Choices& c) {
    static constexpr std::array<const char*, 12> names{
        "a",       "b",        "weight",         "\\u0061", "__metadata__", "",
        "\\u0000", "\xC3\xA9", "\\ud83d\\ude00", "\\ud83d", "\xFF",         "tessera.crc32"};
    return '"' + std::string{names[c.below(names.size())]} + (c.below(4) == 0 ? std::to_string(c.below(9)) : "") + '"';
}
std::string list(Choices& c, std::size_t usual) {
    std::string text = "[";
    const std::size_t count = c.below(8) == 0 ? c.below(72) : usual;
    for (std::size_t i = 0; i < count; ++i) text += (i ? "," : "") + space(c) + number(c);
    return text + (c.below(40) == 0 ? "" : "]");
}
std::string tensor(Choices& c, std::uint64_t& end) {
    static constexpr std::array<const char*, 10> types{"F32",  "U8",   "I64", "BF16", "f32",
                                                       "F128", "BOOL", "C64", "F4",   "F6_E2M3"};
    const std::string type = types[c.below(types.size())];
    std::string shape, offsets;
    if (c.below(3) != 0) {  // a valid one
        const std::uint64_t rows = c.below(5), columns = c.below(5);
        const auto known = tessera::io::dtype_named(type);
        const std::uint64_t bytes = rows * columns * (known ? tessera::io::info(*known).bits : 32) / 8;
        shape = "[" + std::to_string(rows) + "," + std::to_string(columns) + "]";
        offsets = "[" + std::to_string(end) + "," + std::to_string(end + bytes) + "]";
        end += bytes;
    } else {
        shape = list(c, 2);
        offsets = list(c, 2);
    }
    std::array<std::string, 3> fields{"\"dtype\":\"" + type + '"', "\"shape\":" + shape, "\"data_offsets\":" + offsets};
    if (c.below(12) == 0) fields[c.below(3)] = fields[c.below(3)];
    if (c.below(16) == 0) fields[c.below(3)] = "\"more\":1";
    std::swap(fields[0], fields[c.below(3)]);
    return "{" + fields[0] + "," + space(c) + fields[1] + "," + fields[2] + (c.below(30) == 0 ? ",}" : "}");
}

}  // namespace

void fuzz::one(tessera::ByteView input) {
    Choices c{input};
    std::string text = space(c) + "{";
    std::uint64_t end = 0;
    for (std::size_t i = 0, count = c.below(6); i < count; ++i) {
        text += i ? "," : "";
        if (c.below(4) == 0)
            text += "\"__metadata__\":{" + name(c) + ":" + (c.below(6) ? name(c) : number(c)) + "}";
        else
            text += name(c) + ":" + tensor(c, end);
    }
    text += c.below(40) == 0 ? "" : "}";
    text += std::string(c.below(9), ' ');
    tessera::Bytes bytes(8);
    const std::uint64_t length = text.size() + (c.below(30) == 0 ? c.number() : 0);
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(length >> 8 * i);
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.resize(bytes.size() + static_cast<std::size_t>(end % 4096) + (c.below(20) == 0 ? 1 : 0));
    check_file(std::move(bytes));
}
