// expect: Dataset: copy_mask: expected `void copy_mask\(std::size_t i, std::span<std::uint8_t, rows> mask\)
#include <tessera/data/read_ahead.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

using namespace tessera;

struct Known {
    using Example = View<const float, Shape<2, 2, 1>>;
    std::size_t size() const { return 4; }
    void copy(std::size_t, std::span<float, 4> to) const { to[0] = 0; }
#ifdef FIXED
    void copy_mask(std::size_t, std::span<std::uint8_t, 4> mask) const { mask[0] = 1; }
#else
    void copy_mask(std::size_t, std::span<std::uint8_t, 4> mask) { mask[0] = 1; }  // not const
#endif
};

std::size_t size(const Known& set) { return data::ReadAhead<Known>{set}.size(); }
