// expect: Dataset: classes: expected `std::size_t classes\(\) const`
#include <tessera/data/batches.hpp>

#include <cstddef>
#include <span>

using namespace tessera;

struct Known {
    using Example = View<const float, Shape<2>>;
    std::size_t size() const { return 4; }
    void copy(std::size_t, std::span<float, 2> to) const { to[0] = 0; }
#ifdef FIXED
    std::size_t classes() const { return 3; }
#else
    std::size_t classes() { return 3; }  // not const
#endif
};

std::size_t examples(const Known& set) {
    std::size_t n = 0;
    for (auto&& batch : batches(set, 2, BatchOptions{})) n += batch.size();
    return n;
}
