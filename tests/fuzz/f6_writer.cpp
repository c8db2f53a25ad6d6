// F6: the reader returns what the writer accepted.

#include "target.hpp"

#include <tessera/io/safetensors.hpp>
#include <tessera/io/safetensors_writer.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

void fuzz::one(tessera::ByteView input) {
    using namespace tessera;
    Choices c{input};
    io::SafetensorsWriter writer;
    std::map<std::string, std::string> metadata;
    std::map<std::string, std::pair<std::vector<std::uint64_t>, std::vector<std::uint16_t>>> tensors;
    const auto text = [&] {
        std::string s;
        for (std::size_t n = c.below(12); n > 0; --n) s += static_cast<char>(c.byte());
        return s;
    };
    for (std::size_t n = c.below(12); n > 0; --n) {
        const std::string name = text();
        try {
            if (c.below(3) == 0) {
                const std::string value = text();
                writer.metadata(name, value);
                metadata[name] = value;
                continue;
            }
            std::vector<std::uint64_t> shape(c.below(10));
            for (auto& d : shape) d = c.below(4);
            std::uint64_t count = 1;
            for (const auto d : shape) count *= d;
            std::vector<std::uint16_t> values(static_cast<std::size_t>(count % 4096) + (c.below(16) == 0));
            for (auto& v : values) v = static_cast<std::uint16_t>(c.byte());
            writer.add<std::uint16_t>(name, shape, values);
            tensors[name] = {shape, values};
        } catch (const ArgumentError&) {
        }
    }
    io::SafetensorsFile file{writer.bytes(), "written"};
    file.verify_checksum();
    demand(file.tensors().size() == tensors.size(), "all tensors are there");
    for (const auto& [key, value] : metadata) demand(file.metadata(key) == value, "metadata are the same");
    for (const auto& [name, tensor] : tensors) {
        const io::TensorInfo* found = file.find(name);
        demand(found && found->shape == tensor.first, "shapes are the same");
        std::vector<std::uint16_t> values(tensor.second.size());
        file.read(*found, std::span<std::uint16_t>{values});
        demand(values == tensor.second, "values are the same");
    }
}
