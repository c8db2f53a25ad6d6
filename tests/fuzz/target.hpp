#pragma once
// What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput, which calls fuzz::one: clang links
// it with libFuzzer, and replay.cpp runs a corpus through it with any compiler. An unexpected exception or a failed
// requirement ends the process.

#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fuzz {

/// Not an assert, because it must be active in every build.
inline void demand(bool promise, const char* what) {
    if (promise) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

/// Reads the input as a sequence of decisions; after its end every decision is 0.
class Choices {
public:
    explicit Choices(tessera::ByteView bytes) : bytes_{bytes} {}

    bool empty() const { return at_ >= bytes_.size(); }
    unsigned byte() { return empty() ? 0u : bytes_[at_++]; }
    std::size_t below(std::size_t n) { return n == 0 ? 0 : byte() % n; }
    std::uint64_t number() {
        std::uint64_t x = 0;
        for (std::size_t i = below(9); i > 0; --i) x = x << 8 | byte();
        return x;
    }
    tessera::ByteView rest() const { return bytes_.subspan(at_ < bytes_.size() ? at_ : bytes_.size()); }

private:
    tessera::ByteView bytes_;
    std::size_t at_ = 0;
};

void one(tessera::ByteView input);

}  // namespace fuzz
