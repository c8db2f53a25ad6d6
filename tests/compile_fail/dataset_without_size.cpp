// expect: the satisfaction of .Dataset<D>. \[with D = Points\]|'Points' does not satisfy 'Dataset'
// expect: dataset.size\(\)
#include <tessera/core/rng.hpp>
#include <tessera/data/batches.hpp>

#include <cstddef>
#include <span>

using namespace tessera;

struct Points {
    using Example = View<const float, Shape<2>>;
#ifdef FIXED
    std::size_t size() const { return 3; }
#else
    std::size_t count() const { return 3; }
#endif
    void copy(std::size_t, std::span<float, 2> to) const { to[0] = to[1] = 0; }
};

std::size_t pass(const Points& points) {
    std::size_t n = 0;
    for (auto&& batch : batches(points, 2, BatchOptions{})) n += batch.size();
    return n;
}
