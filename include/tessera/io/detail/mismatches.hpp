#pragma once
// Mismatches: collects the differences of a file and its models for one message.

#include <tessera/core/error.hpp>

#include <cstddef>
#include <string>

namespace tessera::inline TESSERA_ABI::io::detail {

/// The first `most` are in the message, so what shows the way out is added first.
class Mismatches {
public:
    static constexpr std::size_t most = 20;

    bool empty() const { return count_ == 0; }
    bool full() const { return count_ >= most; }
    void add(const std::string& text) {
        if (++count_ <= most) text_ += (count_ == 1 ? "" : "\n  ") + text;
    }
    void raise(const std::string& file, const std::string& hint) const {
        if (count_ == 0) return;
        const bool one = count_ == 1;
        throw FormatError(FormatCode::mismatch,
                          "io::load: " + file + ": " + (one ? "" : std::to_string(count_) + " mismatches:\n  ") +
                              text_ + (count_ > most ? "\n  ..." : "") +
                              (hint.empty() ? ""
                               : one        ? "; "
                                            : "\n  ") +
                              hint,
                          file);
    }

private:
    std::size_t count_ = 0;
    std::string text_;
};

}  // namespace tessera::io::detail
