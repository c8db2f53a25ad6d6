// expect: Dataset: copy_mask: expected `void copy_mask\(std::size_t i, std::span<std::uint8_t, rows> mask\)
#include <tessera/data/batches.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

using namespace tessera;

struct Known {
    using Example = View<const float, Shape<2, 2, 3>>;
    std::size_t size() const { return 4; }
    void copy(std::size_t, std::span<float, 12> to) const { to[0] = 0; }
#ifdef FIXED
    void copy_mask(std::size_t, std::span<std::uint8_t, 4> mask) const { mask[0] = 1; }
#else
    void copy_mask(std::size_t, std::span<std::uint8_t, 12> mask) const { mask[0] = 1; }  // one for each number
#endif
};

std::size_t masks(const Known& set) {
    std::size_t n = 0;
    for (auto&& batch : batches(set, 2, BatchOptions{})) n += batch.size();
    return n;
}
