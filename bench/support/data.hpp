#pragma once
// Input data. Its values do not affect the time, as long as none is denormal and nothing overflows.

#include <tessera/core/buffer.hpp>
#include <tessera/core/token.hpp>

#include <tessera/kernel/threads/parallel.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// n numbers in [-1, 1), the same for the same seed.
inline tessera::Buffer<float> numbers(std::size_t n, std::uint32_t seed = 1) {
    tessera::Buffer<float> x(n);
    std::uint32_t s = seed * 2654435761u + 1;
    for (float& v : x) {
        s = s * 1664525u + 1013904223u;
        v = static_cast<float>(s >> 8) * 0x1p-23f - 1.f;
    }
    return x;
}

/// n numbers in [0, 1): images.
inline tessera::Buffer<float> pixels(std::size_t n, std::uint32_t seed = 1) {
    tessera::Buffer<float> x = numbers(n, seed);
    for (float& v : x) v = 0.5f * v + 0.5f;
    return x;
}

inline std::vector<tessera::Token> tokens(std::size_t n, std::size_t codes) {
    std::vector<tessera::Token> t(n);
    std::uint32_t s = 1;
    for (tessera::Token& v : t) {
        s = s * 1664525u + 1013904223u;
        v = static_cast<tessera::Token>((s >> 8) % codes);
    }
    return t;
}

/// f(first, count) over 0 .. n: one piece on one thread, pieces of `grain` on several.
template <class F>
void in_pieces(std::size_t threads, std::size_t n, std::size_t grain, F&& f) {
    if (threads == 1)
        f(std::size_t{0}, n);
    else
        tessera::kernel::for_chunks(n, grain, [&](std::size_t begin, std::size_t end) { f(begin, end - begin); });
}

}  // namespace bench
