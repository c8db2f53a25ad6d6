#pragma once
// SafetensorsFile: reads safetensors files (github.com/huggingface/safetensors, the format's README).
//
//     "tessera.crc32"           CRC-32 of the whole file with these eight digits set to 0
//     "tessera.crc32.<tensor>"  CRC-32 of the tensor's bytes
//
// The reader trusts nothing: see safetensors_header.hpp. SafetensorsWriter adds these checksums to the metadata, and
// verify_checksum() requires the first one wherever there is a key that begins with "tessera.": a single flipped bit
// anywhere in the file is detected. The others tell which tensors are damaged. Files of other programs have neither. In
// files of the writer the data begin at a multiple of 64 bytes.
//
// Errors   FormatError where the file is malformed or damaged, or where a tensor that is read has another element type,
//          more than ReadLimits::rank dimensions or a name that is empty, longer than ReadLimits::name or has a NUL
//          character; IoError where the file cannot be read, ArgumentError where the output of read() does not have the
//          size of the tensor
// Cost     the constructor reads the header only; verify_checksum() reads the whole file in pieces of 1 MiB

#include <tessera/core/read_limits.hpp>
#include <tessera/core/to_size.hpp>
#include <tessera/files/crc32.hpp>
#include <tessera/files/file.hpp>
#include <tessera/io/safetensors_header.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

inline constexpr std::string_view checksum_key = "tessera.crc32";

namespace detail {
/// Reverses the bytes of each element.
inline void reverse_elements(std::span<unsigned char> bytes, std::size_t size) {
    for (std::size_t first = 0; first < bytes.size(); first += size)
        for (std::size_t i = 0; i < size / 2; ++i) std::swap(bytes[first + i], bytes[first + size - 1 - i]);
}
/// Files are little-endian.
template <class T>
void swap_on_big_endian([[maybe_unused]] std::span<unsigned char> bytes) {
    if constexpr (std::endian::native == std::endian::big) reverse_elements(bytes, sizeof(T));
}
inline std::string hex8(std::uint32_t x) {
    std::string text(8, '0');
    for (std::size_t i = 8; i-- > 0; x >>= 4) text[i] = "0123456789abcdef"[x & 15];
    return text;
}
}  // namespace detail

class SafetensorsFile {
public:
    /// Reads and checks the header; tensors are read on demand.
    explicit SafetensorsFile(const std::string& path, const ReadLimits& limits = {}) : name_{path} {
        file_.emplace(path);
        open(file_->size(), limits);
    }
    /// From memory; `name` is used in messages.
    SafetensorsFile(Bytes bytes, std::string name, const ReadLimits& limits = {})
        : name_{std::move(name)}, memory_{std::move(bytes)} {
        open(memory_.size(), limits);
    }

    const std::string& name() const { return name_; }
    /// All tensors in the order of their data.
    const std::vector<TensorInfo>& tensors() const { return header_.tensors; }
    const TensorInfo* find(std::string_view name) const {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : found->second;
    }
    const std::vector<MetadataEntry>& metadata() const { return header_.metadata; }
    std::optional<std::string> metadata(std::string_view key) const {
        for (const MetadataEntry& e : header_.metadata)
            if (e.key == key) return e.value;
        return std::nullopt;
    }

    /// Verifies the checksum if the file must have one.
    void verify_checksum() {
        const MetadataEntry* sum = nullptr;
        bool ours = false;
        for (const MetadataEntry& e : header_.metadata) {
            ours = ours || e.key.starts_with("tessera.");
            if (e.key == checksum_key) sum = &e;
        }
        if (!ours) return;
        if (!sum || sum->value.size() != 8)
            malformed(FormatCode::checksum, name_, 8,
                      "checksum: tessera.crc32 is missing; another program that writes such a file must leave out all "
                      "metadata that begin with tessera.");
        const std::uint64_t digits = sum->offset + 1;
        const std::string got = detail::hex8(crc_of(0, size_, digits));
        if (sum->value == got) return;
        malformed(FormatCode::checksum, name_, digits,
                  "checksum: " + expected_got(printable(sum->value), got) + damaged() +
                      ": the file is damaged, or another program has changed it and kept the metadata: it must leave "
                      "out all that begin with tessera.");
    }

    /// Whether two tensors have the same type, shape and bytes.
    bool are_equal(const TensorInfo& a, const TensorInfo& b) {
        if (a.dtype != b.dtype || a.shape != b.shape || a.end - a.begin != b.end - b.begin) return false;
        Bytes one, other;
        for (std::uint64_t at = 0; at < a.end - a.begin; at += one.size()) {
            one.resize(to_size((std::min<std::uint64_t>)(a.end - a.begin - at, 1 << 20)));
            other.resize(one.size());
            read_at(data_ + a.begin + at, one);
            read_at(data_ + b.begin + at, other);
            if (one != other) return false;
        }
        return true;
    }

    /// Reads a tensor whose elements are T; the size of `out` must be the tensor's.
    template <class T>
    void read(const TensorInfo& tensor, std::span<T> out) {
        check_limits(tensor);
        if (tensor.dtype != dtype_of<T>)
            malformed(FormatCode::dtype, name_, tensor.offset,
                      "tensor " + printable(tensor.name) +
                          ": dtype: " + expected_got(info(dtype_of<T>).name, info(tensor.dtype).name));
        if (tensor.end - tensor.begin != out.size_bytes())
            throw ArgumentError(
                "SafetensorsFile: read: " + printable(tensor.name) + ": " +
                expected_got(std::to_string(tensor.end - tensor.begin) + " bytes", std::to_string(out.size_bytes())));
        const std::span<unsigned char> bytes{reinterpret_cast<unsigned char*>(out.data()), out.size_bytes()};
        read_at(data_ + tensor.begin, bytes);
        detail::swap_on_big_endian<T>(bytes);
    }

private:
    void open(std::uint64_t size, const ReadLimits& limits) {
        size_ = size;
        limits_ = limits;
        Bytes start(to_size((std::min<std::uint64_t>)(size, 512)));
        read_at(0, start);
        Bytes text(to_size(safetensors_header_length(start, size, name_, limits)));
        read_at(8, text);
        data_ = 8 + text.size();
        header_ = parse_safetensors_header(text, size - data_, name_, limits);
        for (const TensorInfo& t : header_.tensors) by_name_.emplace(t.name, &t);
    }
    /// What a model could need: a file may have others, which are not read.
    void check_limits(const TensorInfo& tensor) const {
        const auto refuse = [&](FormatCode code, const std::string& what) {
            malformed(code, name_, tensor.offset, "tensor " + printable(tensor.name) + ": " + what);
        };
        if (tensor.shape.size() > limits_.rank)
            refuse(FormatCode::limit,
                   "shape: " + expected_got("at most " + std::to_string(limits_.rank) + " dimensions",
                                            std::to_string(tensor.shape.size())));
        if (tensor.name.empty() || tensor.name.size() > limits_.name)
            refuse(FormatCode::name, "name: " + expected_got("1 to " + std::to_string(limits_.name) + " bytes",
                                                             std::to_string(tensor.name.size())));
        if (tensor.name.find('\0') != std::string::npos) refuse(FormatCode::name, "name: a NUL character");
    }
    /// Checksum of the bytes from `begin` to `end`, with the eight digits at `digits` replaced by zeros.
    std::uint32_t crc_of(std::uint64_t begin, std::uint64_t end, std::uint64_t digits) {
        std::uint32_t crc = 0;
        Bytes piece;
        for (std::uint64_t at = begin; at < end; at += piece.size()) {
            piece.resize(to_size((std::min<std::uint64_t>)(end - at, 1 << 20)));
            read_at(at, piece);
            for (std::uint64_t i = digits; i < digits + 8; ++i)
                if (i >= at && i - at < piece.size()) piece[to_size(i - at)] = '0';
            crc = crc32(piece, crc);
        }
        return crc;
    }
    /// " in a, b" for the tensors whose own checksum does not match; at most four.
    std::string damaged() {
        std::string names;
        std::size_t count = 0;
        for (const MetadataEntry& e : header_.metadata) {
            if (!e.key.starts_with(checksum_key) || e.key.size() < checksum_key.size() + 2) continue;
            const TensorInfo* tensor = find(std::string_view{e.key}.substr(checksum_key.size() + 1));
            if (!tensor || detail::hex8(crc_of(data_ + tensor->begin, data_ + tensor->end, size_)) == e.value) continue;
            if (++count <= 4) names += (count == 1 ? " in " : ", ") + printable(tensor->name);
        }
        return count > 4 ? names + ", ..." : names;
    }
    void read_at(std::uint64_t offset, std::span<unsigned char> to) {
        if (file_)
            file_->read(offset, to);
        else
            std::copy_n(memory_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    }

    std::string name_;
    std::optional<InputFile<>> file_;
    Bytes memory_;
    std::uint64_t size_ = 0;
    std::uint64_t data_ = 0;  // offset of the data
    ReadLimits limits_;
    SafetensorsHeader header_;
    TensorsByName by_name_;
};

}  // namespace tessera::io
