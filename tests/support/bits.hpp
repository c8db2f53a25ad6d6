#pragma once
// Results are compared bit for bit: a hash of parameters or numbers, and the same work under other numbers of threads.

#include <support/mismatch.hpp>
#include <support/threads.hpp>
#include <tessera/core/param.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace support {

/// FNV-1a of the bytes, continued from `hash`.
template <class T>
std::uint64_t hash_bits(std::span<const T> x, std::uint64_t hash = 14695981039346656037u) {
    for (const std::byte b : std::as_bytes(x)) hash = (hash ^ static_cast<std::uint64_t>(b)) * 1099511628211u;
    return hash;
}
struct HashLeaves {
    std::uint64_t hash = 14695981039346656037u;
    template <class Leaf>
    void operator()(const tessera::ParamPath&, const Leaf& leaf) {
        hash = hash_bits(std::span<const typename Leaf::Scalar>{leaf.span()}, hash);
    }
};
template <tessera::Parameters P>
std::uint64_t hash_bits(const P& params) {
    HashLeaves hash;
    P::each(hash, params);
    return hash.hash;
}
/// The whole state of a model: parameters, and the codebook where it has one.
template <class Model>
std::uint64_t hash_state(const Model& model) {
    HashLeaves hash;
    Model::each_state(hash, model);
    return hash.hash;
}

template <tessera::Parameters P>
std::vector<std::string> names_of(const P& params) {
    std::vector<std::string> names;
    P::each([&](const tessera::ParamPath& path, const auto&) { names.push_back(path.str()); }, params);
    return names;
}

/// f() returns the same value with 1, 2, 3 and 16 threads; else "2 threads: element 5: expected 0.5, got 0.25".
template <class F>
[[nodiscard]] Comparison same_for_threads(F f) {
    const auto one = with_threads(1, f);
    for (const std::size_t threads : {2, 3, 16}) {
        const Comparison same = equal_values(one, with_threads(threads, f));
        if (!same) return {std::to_string(threads) + " threads: " + same.difference};
    }
    return {};
}

}  // namespace support
