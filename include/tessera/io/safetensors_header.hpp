#pragma once
// parse_safetensors_header: parses and checks the header of a safetensors file, before a tensor is allocated.
//
//     length(8, little-endian) | {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//     spaces | data
//
// "__metadata__" maps names to strings. Every field must occur exactly once, names are unique after their escapes are
// decoded, shape and offsets agree, and the tensors cover the data without gaps or overlaps.
//
// A tensor that is not read may have any name and up to 64 dimensions, and metadata of other programs any text, as in
// the safetensors package 0.8. SafetensorsFile::read is stricter, and so is this for keys that begin with "tessera.".
//
// Errors   FormatError with the offset in the file, where the header is malformed or exceeds the limits, or the file is
//          cut off
// Cost     linear in the header, apart from sorting the tensors

#include <tessera/core/read_limits.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/json_reader.hpp>
#include <tessera/files/utf8.hpp>
#include <tessera/io/detail/looks_unlike_safetensors.hpp>
#include <tessera/io/tensor_info.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::io {

namespace detail {

class HeaderParser {
public:
    HeaderParser(ByteView text, std::uint64_t data_size, std::string_view name, const ReadLimits& limits)
        : json_{text, name, 8}, data_at_{8 + text.size()}, data_size_{data_size}, name_{name}, limits_{limits} {}

    SafetensorsHeader parse() {
        json_.expect('{', "the header");
        if (!json_.accept('}')) {
            do entry();
            while (json_.accept(','));
            json_.expect('}', "the header");
        }
        json_.expect_end();
        check_names();
        check_cover();
        return std::move(header_);
    }

private:
    [[gnu::__noreturn__]] void refuse(FormatCode code, const TensorInfo& t, const std::string& what) const {
        malformed(code, name_, t.offset, "tensor " + printable(t.name) + ": " + what);
    }

    void entry() {
        json_.next();
        const std::uint64_t at = json_.offset();
        std::string name = json_.string("a name");
        json_.expect(':', "the header");
        if (name == "__metadata__") return metadata(at);
        if (header_.tensors.size() == limits_.tensors)
            malformed(FormatCode::limit, name_, at, "more than " + std::to_string(limits_.tensors) + " tensors");
        header_.tensors.push_back({std::move(name), {}, {}, 0, 0, at});
        tensor(header_.tensors.back());
    }

    void metadata(std::uint64_t at) {
        if (std::exchange(has_metadata_, true))
            malformed(FormatCode::duplicate_key, name_, at, "duplicate key: __metadata__");
        json_.expect('{', "__metadata__");
        if (json_.accept('}')) return;
        do {
            MetadataEntry e;
            e.key = json_.string("a key of __metadata__");
            json_.expect(':', "__metadata__");
            json_.next();
            e.offset = json_.offset();
            e.value = json_.string("a value of __metadata__");
            if (e.key.starts_with("tessera.") && (e.key + e.value).find('\0') != std::string::npos)
                malformed(FormatCode::name, name_, e.offset, "a NUL character in __metadata__: " + printable(e.key));
            header_.metadata.push_back(std::move(e));
        } while (json_.accept(','));
        json_.expect('}', "__metadata__");
    }

    static constexpr unsigned has_dtype = 1, has_shape = 2, has_offsets = 4;
    static constexpr std::uint64_t most_dimensions = 64;  // also of a tensor that is not read

    void tensor(TensorInfo& t) {
        const std::string where = "tensor " + printable(t.name);
        unsigned seen = 0;
        json_.expect('{', where);
        if (!json_.accept('}')) {
            do field(t, seen, where);
            while (json_.accept(','));
            json_.expect('}', where);
        }
        if (seen != (has_dtype | has_shape | has_offsets))
            refuse(FormatCode::field, t,
                   std::string{"missing field: "} + (!(seen & has_dtype)   ? "dtype"
                                                     : !(seen & has_shape) ? "shape"
                                                                           : "data_offsets"));
        check_size(t);
    }

    void field(TensorInfo& t, unsigned& seen, const std::string& where) {
        const std::string name = json_.string(where);
        const std::string inside = name + " of " + where;
        const unsigned bit = name == "dtype"          ? has_dtype
                             : name == "shape"        ? has_shape
                             : name == "data_offsets" ? has_offsets
                                                      : 0;
        if (bit == 0) json_.fail("unknown field " + printable(name) + " in " + where, FormatCode::field);
        if (seen & bit) json_.fail("duplicate key " + name + " in " + where, FormatCode::duplicate_key);
        seen |= bit;
        json_.expect(':', where);
        if (bit == has_dtype) {
            const std::string type = json_.string(inside);
            const std::optional<Dtype> known = dtype_named(type);
            if (!known) refuse(FormatCode::dtype, t, "dtype: unknown: " + printable(type));
            t.dtype = *known;
            return;
        }
        json_.expect('[', inside);
        if (bit == has_offsets) {
            t.begin = json_.number(inside);
            json_.expect(',', inside);
            t.end = json_.number(inside);
        } else if (json_.next() != ']') {
            do {
                if (t.shape.size() == most_dimensions)
                    refuse(FormatCode::limit, t, "shape: more than " + std::to_string(most_dimensions) + " dimensions");
                t.shape.push_back(json_.number(inside));
            } while (json_.accept(','));
        }
        json_.expect(']', inside);
    }

    /// The product of the nonzero dimensions must not overflow, so that a zero cannot hide the others.
    void check_size(const TensorInfo& t) const {
        const std::size_t bits = info(t.dtype).bits;
        std::optional<std::uint64_t> units = bits < 8 ? bits : bits / 8;  // bits of a type below a byte, else bytes
        bool empty = false;
        for (const std::uint64_t d : t.shape) {
            empty = empty || d == 0;
            if (units && d != 0) units = checked_product(*units, d);
        }
        if (!units)
            refuse(FormatCode::overflow, t,
                   "shape: " + shape_text(t.shape) + ": overflow: more than 2^64 - 1 " + (bits < 8 ? "bits" : "bytes"));
        const std::uint64_t bytes = empty ? 0 : bits < 8 ? *units / 8 : *units;
        if (!empty && bits < 8 && *units % 8 != 0)
            refuse(FormatCode::size, t,
                   "size: " + std::string{info(t.dtype).name} + " " + shape_text(t.shape) + ": " +
                       expected_got("whole bytes", std::to_string(*units) + " bits"));
        if (t.end < t.begin)  // whether the file has all these bytes is known when all tensors are
            refuse(FormatCode::offsets, t,
                   "data_offsets: " + std::to_string(t.begin) + " to " + std::to_string(t.end) +
                       " is not a range within the " + std::to_string(data_size_) + " bytes of data");
        if (t.end - t.begin != bytes)
            refuse(FormatCode::size, t,
                   "size: " + std::string{info(t.dtype).name} + " " + shape_text(t.shape) + ": " +
                       expected_got(std::to_string(bytes) + " bytes", std::to_string(t.end - t.begin)));
    }

    void check_names() const {
        const auto refuse = [&](std::string_view key, std::uint64_t at) {
            malformed(FormatCode::duplicate_key, name_, at, "duplicate key: " + printable(key));
        };
        TensorsByName tensors;
        for (const TensorInfo& t : header_.tensors)
            if (!tensors.emplace(t.name, &t).second) refuse(t.name, t.offset);
        std::set<std::string> keys;
        for (const MetadataEntry& e : header_.metadata)
            if (!keys.insert(e.key).second) refuse(e.key, e.offset);
    }

    void check_cover() {
        std::sort(header_.tensors.begin(), header_.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
            return a.begin != b.begin ? a.begin < b.begin : a.end != b.end ? a.end < b.end : a.offset < b.offset;
        });
        std::uint64_t covered = 0;
        for (const TensorInfo& t : header_.tensors) {
            if (t.begin != covered)
                refuse(FormatCode::offsets, t,
                       "data_offsets: " + std::string{t.begin < covered ? "overlap: " : "hole: "} +
                           expected_got(std::to_string(covered), std::to_string(t.begin)));
            covered = t.end;
        }
        if (covered > data_size_)
            malformed(FormatCode::truncated, name_, data_at_ + data_size_,
                      "the file is cut off: " +
                          expected_got(std::to_string(covered) + " bytes of data", std::to_string(data_size_)) +
                          "; missing: " + std::to_string(covered - data_size_));
        if (covered != data_size_)
            malformed(FormatCode::offsets, name_, 8,
                      "data: the tensors hold " + std::to_string(covered) + " bytes, the file " +
                          std::to_string(data_size_));
    }

    JsonReader json_;
    std::uint64_t data_at_, data_size_;
    std::string_view name_;
    const ReadLimits& limits_;
    SafetensorsHeader header_;
    bool has_metadata_ = false;
};

}  // namespace detail

/// The length of the JSON text in a file of `file_size` bytes. `start` has the first 512 bytes, or all that there are:
/// 8 are enough for the length, the others for what the message says of a file of another kind.
inline std::uint64_t safetensors_header_length(ByteView start, std::uint64_t file_size, std::string_view name,
                                               const ReadLimits& limits = {}) {
    if (file_size < 8 || start.size() < 8)
        malformed(FormatCode::truncated, name, start.size(),
                  "header too small: " + expected_got("at least 8 bytes", std::to_string(file_size)) +
                      detail::looks_unlike_safetensors(start));
    const std::uint64_t length = little_endian_64(start, 0);
    if (length > limits.header)
        malformed(FormatCode::limit, name, 0,
                  "header too large: " +
                      expected_got("at most " + std::to_string(limits.header) + " bytes", std::to_string(length)) +
                      detail::looks_unlike_safetensors(start));
    if (length > file_size - 8) {
        const bool begins = start.size() > 8 && start[8] == '{';
        malformed(FormatCode::header_length, name, 0,
                  "header length: " + std::to_string(length) + " is more than the file has left, " +
                      std::to_string(file_size - 8) +
                      (begins ? ": the file is cut off" : detail::looks_unlike_safetensors(start)));
    }
    if (length == 0)
        malformed(FormatCode::header_length, name, 0,
                  "header length: " + expected_got("at least 2 bytes", "0") + detail::looks_unlike_safetensors(start));
    return length;
}

/// `text` is the JSON, which `data_size` bytes of data follow in the file called `name`.
[[nodiscard]] inline SafetensorsHeader parse_safetensors_header(ByteView text, std::uint64_t data_size,
                                                                std::string_view name, const ReadLimits& limits = {}) {
    return detail::HeaderParser{text, data_size, name, limits}.parse();
}

}  // namespace tessera::io
