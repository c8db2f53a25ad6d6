#pragma once
// What must hold for every safetensors file that is accepted.

#include "target.hpp"

#include <tessera/io/safetensors.hpp>

#include <string>
#include <utility>

namespace fuzz {

inline void check_file(tessera::Bytes bytes) {
    using namespace tessera;
    const std::size_t size = bytes.size();
    try {
        io::SafetensorsFile file{std::move(bytes), "input", {.header = 1 << 20, .tensors = 1000}};
        std::uint64_t covered = 0;
        for (const io::TensorInfo& t : file.tensors()) {
            demand(t.begin == covered && t.end >= t.begin && t.end <= size, "tensors cover the data in their order");
            covered = t.end;
            std::uint64_t count = 1;
            for (const std::uint64_t d : t.shape) count *= d;
            demand(count * io::info(t.dtype).bits == 8 * (t.end - t.begin), "shape and bytes agree");
            demand(file.find(t.name) == &t, "names are found");
            if (t.dtype != io::Dtype::u8) continue;
            Bytes values(static_cast<std::size_t>(t.end - t.begin));
            file.read(t, std::span<std::uint8_t>{values});
        }
        for (const io::MetadataEntry& e : file.metadata())
            demand(io::first_invalid_utf8(io::as_bytes(e.value)) == e.value.size(), "metadata are UTF-8");
        file.verify_checksum();
    } catch (const FormatError& e) {
        const std::string message = e.what();
        demand(message.starts_with("input @"), "the message begins with file and offset");
        demand(io::first_invalid_utf8(io::as_bytes(message)) == message.size(), "the message is UTF-8");
    }
}

}  // namespace fuzz
