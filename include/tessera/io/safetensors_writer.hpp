#pragma once
// SafetensorsWriter: collects tensors and metadata and writes them as a safetensors file.
//
// The same calls give the same bytes: tensors and metadata are in the order in which they were added.
//
// Errors   ArgumentError where a name, a key or a value is not valid, a name or a key is used twice, a shape does not
//          match its values, or tensors or header are more than a reader accepts by default (ReadLimits); IoError where
//          the file cannot be written. If a call throws, the writer is unchanged
// Cost     holds a copy of all tensors; bytes() makes a second one, write() does not

#include <tessera/core/error.hpp>
#include <tessera/files/crc32.hpp>
#include <tessera/files/file.hpp>
#include <tessera/files/utf8.hpp>
#include <tessera/io/dtype.hpp>
#include <tessera/io/safetensors.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

class SafetensorsWriter {
public:
    void metadata(const std::string& key, const std::string& value) {
        check_text(key, "metadata key");
        check_text(value, "metadata value");
        if (key.starts_with(checksum_key) || keys_.contains(key))
            throw ArgumentError("SafetensorsWriter: metadata: key already used or reserved: " + printable(key) +
                                (keys_.contains(key) && key.starts_with("tessera.")
                                     ? "; two models of one kind need two files, and a Trainer saves its model"
                                     : ""));
        const std::string text = (metadata_.empty() ? "" : ",") + quoted(key) + ':' + quoted(value);
        metadata_.reserve(metadata_.size() + text.size());
        keys_.insert(key);
        metadata_ += text;
    }

    template <class T>
    void add(const std::string& name, std::span<const std::uint64_t> shape, std::span<const T> values) {
        check_text(name, "name");
        std::uint64_t count = 1;
        bool huge = false;
        for (const std::uint64_t d : shape) {
            huge = huge || (d != 0 && count > ~std::uint64_t{0} / d);
            count *= d;
        }
        if (name.empty() || name.size() > ReadLimits{}.name || name == "__metadata__")
            throw ArgumentError("SafetensorsWriter: not a valid name for a tensor: " + printable(name));
        if (shape.size() > ReadLimits{}.rank)
            throw ArgumentError(
                "SafetensorsWriter: " + printable(name) + ": dimensions: " +
                expected_got("at most " + std::to_string(ReadLimits{}.rank), std::to_string(shape.size())));
        if (huge) throw ArgumentError("SafetensorsWriter: " + printable(name) + ": a shape of more than 2^64 values");
        if (count != values.size())
            throw ArgumentError("SafetensorsWriter: " + printable(name) +
                                ": values: " + expected_got(count, values.size()));
        if (names_.contains(name)) throw ArgumentError("SafetensorsWriter: two tensors are called " + printable(name));
        if (names_.size() >= ReadLimits{}.tensors)
            throw ArgumentError(
                "SafetensorsWriter: " + printable(name) + ": tensors: " +
                expected_got("at most " + std::to_string(ReadLimits{}.tensors), std::to_string(names_.size() + 1)));
        const std::size_t begin = data_.size(), sums = sums_.size(), tensors = tensors_.size();
        try {  // strong guarantee: an allocation may fail
            const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
            data_.insert(data_.end(), bytes, bytes + values.size_bytes());
            detail::swap_on_big_endian<T>(std::span{data_}.subspan(begin));
            sums_ += ',' + quoted(std::string{checksum_key} + '.' + name) + ":\"" +
                     detail::hex8(crc32(ByteView{data_}.subspan(begin))) + '"';
            tensors_ += ',' + quoted(name) + ":{\"dtype\":\"" + std::string{info(dtype_of<T>).name} + "\",\"shape\":[";
            for (std::size_t i = 0; i < shape.size(); ++i) {
                if (i > 0) tensors_ += ',';
                tensors_ += std::to_string(shape[i]);
            }
            tensors_ += "],\"data_offsets\":[" + std::to_string(begin) + ',' + std::to_string(data_.size()) + "]}";
            names_.insert(name);
        } catch (...) {
            data_.resize(begin);
            sums_.resize(sums);
            tensors_.resize(tensors);
            throw;
        }
    }

    /// Everything before the data: length, JSON, and spaces up to a multiple of 64 bytes.
    Bytes header() const {
        const std::string before =
            "{\"__metadata__\":{" + metadata_ + (metadata_.empty() ? "" : ",") + quoted(checksum_key) + ":\"";
        std::string text = before + "00000000\"" + sums_ + '}' + tensors_ + '}';
        text.resize((8 + text.size() + 63) / 64 * 64 - 8, ' ');
        if (text.size() > ReadLimits{}.header)  // no reader would take the file
            throw ArgumentError(
                "SafetensorsWriter: header: " +
                expected_got("at most " + std::to_string(ReadLimits{}.header) + " bytes", std::to_string(text.size())));
        Bytes bytes(8 + text.size());
        for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(text.size() >> 8 * i);
        std::copy(text.begin(), text.end(), bytes.begin() + 8);
        const std::string sum = detail::hex8(crc32(data_, crc32(bytes)));
        std::copy(sum.begin(), sum.end(), bytes.begin() + static_cast<std::ptrdiff_t>(8 + before.size()));
        return bytes;
    }

    Bytes bytes() const {
        Bytes all = header();
        all.insert(all.end(), data_.begin(), data_.end());
        return all;
    }
    /// Replaces the file at `path` atomically.
    template <class Files = SystemFiles>
    void write(const std::string& path, Files files = {}) const {
        const Bytes head = header();
        const std::array<ByteView, 2> pieces{head, data_};
        write_file(path, std::span<const ByteView>{pieces}, std::move(files));
    }

private:
    static void check_text(std::string_view text, std::string_view what) {
        if (first_invalid_utf8(as_bytes(text)) != text.size() || text.find('\0') != text.npos)
            throw ArgumentError("SafetensorsWriter: " + std::string{what} + ": " +
                                expected_got("UTF-8 without NUL characters", printable(text)));
    }
    static std::string quoted(std::string_view text) {
        std::string out = "\"";
        for (const char c : text) {
            const auto b = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\')
                (out += '\\') += c;
            else if (b < 0x20)
                ((out += "\\u00") += "0123456789abcdef"[b >> 4]) += "0123456789abcdef"[b & 15];
            else
                out += c;
        }
        return out + '"';
    }

    std::string metadata_, sums_, tensors_;
    std::set<std::string> keys_, names_;
    Bytes data_;
};

}  // namespace tessera::io
