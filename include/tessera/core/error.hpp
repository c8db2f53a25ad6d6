#pragma once
// Error: the base of all run-time errors, with one derived class for each way in which a program may react.
//
//     where: what: expected X, got Y                             the form of most messages; of a load, "file has Y"
//     io::load: model.safetensors: decoder.3.weight: expected 64x32x4x4, file has 64x64x4x4
//
// Run-time errors report what the type system cannot: everything that a type can express is a compile error.

#include <tessera/core/format_code.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI {

/// Base of every exception that tessera throws itself (std::bad_alloc passes through unchanged).
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The caller passed an invalid argument: a batch of the wrong size, a negative temperature, zero threads.
class ArgumentError : public Error {
public:
    using Error::Error;
};

/// The operating system reported an error: no such file, no space left, permission denied.
class IoError : public Error {
public:
    explicit IoError(const std::string& message, std::string path = {}, int reason = 0)
        : Error(message), path_{std::move(path)}, reason_{reason} {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] int reason() const noexcept { return reason_; }  ///< errno; 0 where the system gave none

private:
    std::string path_;
    int reason_;
};

/// The content of a file is invalid: wrong magic, truncated, wrong checksum, a tensor of the wrong shape.
class FormatError : public Error {
public:
    FormatError(FormatCode code, const std::string& message, std::string path = {}, std::uint64_t offset = 0)
        : Error(message), path_{std::move(path)}, offset_{offset}, code_{code} {}

    [[nodiscard]] FormatCode code() const noexcept { return code_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }  ///< where it was found, in bytes

private:
    std::string path_;
    std::uint64_t offset_;
    FormatCode code_;
};

/// The data are well-formed but unusable: a label out of range, NaN in an image, an empty folder.
class DataError : public Error {
public:
    using Error::Error;
};

/// The object is in the wrong state for this call: another call is running, or it was moved from.
class StateError : public Error {
public:
    using Error::Error;
};

/// A computed value cannot be used: a loss, gradient, encoder output or logit is not finite, or the norm of a gradient
/// is above a limit of TrainerOptions. After a training step that throws it, model and optimiser are unchanged.
class NumericError : public Error {
public:
    using Error::Error;
};

/// Another process of a distributed run cannot be reached, sent an unexpected message, or cannot do its part of a step.
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
