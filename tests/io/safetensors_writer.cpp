#include <tessera/io/safetensors_writer.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace tessera;
using io::SafetensorsFile;
using io::SafetensorsWriter;
using support::message;

namespace {
template <class T>
bool comes_back(std::vector<T> values, std::vector<std::uint64_t> shape) {
    SafetensorsWriter writer;
    writer.add<T>("t", shape, values);
    SafetensorsFile file{writer.bytes(), "x"};
    std::vector<T> read(values.size());
    file.read(*file.find("t"), std::span<T>{read});
    return read == values && file.find("t")->shape == shape;
}
}  // namespace

TEST_CASE("SafetensorsWriter: every element type round-trips") {
    CHECK(comes_back<float>({1, -2, 3e38f, 1e-45f}, {2, 2}));
    CHECK(comes_back<double>({1, 1e300}, {2}));
    CHECK(comes_back<std::uint8_t>({255}, {}));
    CHECK(comes_back<std::uint16_t>({65535, 1}, {1, 2, 1}));
    CHECK(comes_back<std::uint32_t>({}, {0, 5}));
    CHECK(comes_back<std::uint64_t>({~std::uint64_t{0}}, {1}));
    CHECK(comes_back<std::int32_t>({-5}, {1}));
    CHECK(comes_back<std::int64_t>({-5, 6, 7}, {3}));
}

TEST_CASE("SafetensorsWriter: the same calls give the same bytes, and data begin at a multiple of 64") {
    const auto make = [](std::size_t names) {
        SafetensorsWriter writer;
        writer.metadata("key \"\\\n\x01", "value\t\xC3\xA9");
        const std::array<float, 1> value{2};
        const std::array<std::uint64_t, 1> shape{1};
        for (std::size_t i = 0; i < names; ++i) writer.add<float>("z" + std::string(i, 'y'), shape, value);
        return writer;
    };
    for (std::size_t names = 0; names < 20; ++names) {
        CHECK(make(names).bytes() == make(names).bytes());
        CHECK(make(names).header().size() % 64 == 0);
    }
    SafetensorsFile file{make(3).bytes(), "x"};
    file.verify_checksum();
    CHECK(file.metadata("key \"\\\n\x01") == "value\t\xC3\xA9");
    CHECK((file.tensors()[0].name == "z" && file.tensors()[2].name == "zyy"));
}

TEST_CASE("SafetensorsWriter: write() writes what bytes() returns") {
    const support::TemporaryFolder folder;
    SafetensorsWriter writer;
    writer.metadata("a", "b");
    writer.write(folder / "w.safetensors");
    CHECK(read_file(folder / "w.safetensors", 1000) == writer.bytes());
}

TEST_CASE("SafetensorsWriter: what no reader would accept is an error") {
    SafetensorsWriter writer;
    const std::array<float, 2> values{1, 2};
    const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
        return message<ArgumentError>([&] { writer.add<float>(name, shape, values); });
    };
    CHECK(add("a", {2}).empty());
    CHECK(add("a", {2}) == "SafetensorsWriter: two tensors are called a");
    CHECK(add("b", {3}) == "SafetensorsWriter: b: values: expected 3, got 2");
    CHECK(add("b", {std::uint64_t{1} << 32, std::uint64_t{1} << 32}) ==
          "SafetensorsWriter: b: a shape of more than 2^64 values");
    CHECK(add("c", std::vector<std::uint64_t>(9, 1)) == "SafetensorsWriter: c: dimensions: expected at most 8, got 9");
    CHECK(add("", {2}) == "SafetensorsWriter: not a valid name for a tensor: ");
    CHECK(add("__metadata__", {2}) == "SafetensorsWriter: not a valid name for a tensor: __metadata__");
    CHECK(add(std::string(1025, 'x'), {2}).starts_with("SafetensorsWriter: not a valid name for a tensor: xxx"));
    CHECK(add("\xFF", {2}).starts_with("SafetensorsWriter: name: expected UTF-8 without NUL characters"));
    const auto note = [&](const std::string& key, const std::string& value) {
        return message<ArgumentError>([&] { writer.metadata(key, value); });
    };
    CHECK(note("k", "v").empty());
    CHECK(note("k", "w") == "SafetensorsWriter: metadata: key already used or reserved: k");
    static_cast<void>(note("tessera.kind", "v"));
    CHECK(note("tessera.kind", "v") ==
          "SafetensorsWriter: metadata: key already used or reserved: tessera.kind; two models of one kind need two "
          "files, and a Trainer saves its model");
    CHECK(note("tessera.crc32", "w") == "SafetensorsWriter: metadata: key already used or reserved: tessera.crc32");
    CHECK(note("l", std::string(1, '\0')).starts_with("SafetensorsWriter: metadata value: expected UTF-8"));
}

TEST_CASE("SafetensorsWriter: more tensors than a reader accepts are an error, and the writer is unchanged") {
    const ReadLimits limits;
    SafetensorsWriter writer;
    for (std::uint64_t i = 0; i < limits.tensors; ++i)
        writer.add<float>(std::to_string(i), std::vector<std::uint64_t>{0}, std::span<const float>{});
    CHECK(message<ArgumentError>([&] {
              writer.add<float>("one more", std::vector<std::uint64_t>{0}, std::span<const float>{});
          }) == "SafetensorsWriter: one more: tensors: expected at most 100000, got 100001");
    CHECK(SafetensorsFile{writer.bytes(), "file"}.tensors().size() == limits.tensors);
}

TEST_CASE("SafetensorsWriter: a header that no reader accepts is an error, before a file is written") {
    SafetensorsWriter writer;
    writer.metadata("notes", std::string(100'000'000, 'x'));
    const support::TemporaryFolder folder;
    const std::string path = folder / "large.safetensors";
    CHECK(message<ArgumentError>([&] { writer.write(path); }) ==
          "SafetensorsWriter: header: expected at most 100000000 bytes, got 100000056");
    CHECK(folder.entries() == 0);
}
