#pragma once
// Run-time errors: what a type cannot know. One base, one class per way of reacting.
//
// Every message has one form:  where: what: expected X, got Y
//     io::load_weights: model.safetensors: decoder.3.weight: expected 64x32x4x4, file has 64x64x4x4

#include <tessera/core/format_code.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI {

/// Base of everything that tessera throws on its own account (std::bad_alloc passes through unchanged).
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The caller passed something that cannot work: a batch of another size, a temperature of zero, no threads.
class ArgumentError : public Error {
public:
    using Error::Error;
};

/// The operating system refused: no such file, no space, not permitted.
class IoError : public Error {
public:
    explicit IoError(const std::string& message, std::string path = {}, int reason = 0)
        : Error(message), path_{std::move(path)}, reason_{reason} {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] int reason() const noexcept { return reason_; }  ///< the system's errno; 0 where it gave none

private:
    std::string path_;
    int reason_;
};

/// A file is not what it says it is: wrong magic, truncated, checksum, a tensor of another shape.
class FormatError : public Error {
public:
    FormatError(FormatCode code, const std::string& message, std::string path = {}, std::uint64_t offset = 0)
        : Error(message), path_{std::move(path)}, offset_{offset}, code_{code} {}

    [[nodiscard]] FormatCode code() const noexcept { return code_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }  ///< the byte at which it was seen

private:
    std::string path_;
    std::uint64_t offset_;
    FormatCode code_;
};

/// The data are well formed but cannot be used: a label out of range, NaN in an image, an empty folder.
class DataError : public Error {
public:
    using Error::Error;
};

/// The object cannot do this now: it is at work already.
class StateError : public Error {
public:
    using Error::Error;
};

/// A loss or a gradient is not finite; the weights were not touched.
class NumericError : public Error {
public:
    using Error::Error;
};

/// Another process of a distributed run cannot be reached, or sent something else than was expected.
class CommunicationError : public Error {
public:
    using Error::Error;
};

/// `expected X, got Y`, the tail of most messages.
[[nodiscard]] inline std::string expected_got(std::string_view expected, std::string_view got) {
    std::string s = "expected ";
    s += expected;
    s += ", got ";
    s += got;
    return s;
}
[[nodiscard]] inline std::string expected_got(std::size_t expected, std::size_t got) {
    return expected_got(std::to_string(expected), std::to_string(got));
}

}  // namespace tessera
