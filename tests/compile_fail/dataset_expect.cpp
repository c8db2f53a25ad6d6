// expect: Dataset: expect: expected `void expect\(std::span<const std::size_t> indices\) const`
#include <tessera/data/batches.hpp>

#include <cstddef>
#include <span>

using namespace tessera;

struct Ahead {
    using Example = View<const float, Shape<2>>;
    std::size_t size() const { return 4; }
    void copy(std::size_t, std::span<float, 2> to) const { to[0] = 0; }
#ifdef FIXED
    void expect(std::span<const std::size_t>) const {}
#else
    void expect(std::span<const std::size_t>) {}  // not const
#endif
};

std::size_t count(const Ahead& set) {
    std::size_t n = 0;
    for (auto&& batch : batches(set, 2, BatchOptions{})) n += batch.size();
    return n;
}
