// expect: Dataset: labelled and label come together: expected `bool labelled\(\) const` and `Label
#include <tessera/data/batches.hpp>

#include <cstddef>
#include <span>

using namespace tessera;

struct Classes {
    using Example = View<const float, Shape<2>>;
    std::size_t size() const { return 4; }
    void copy(std::size_t, std::span<float, 2> to) const { to[0] = 0; }
    bool labelled() const { return true; }
#ifdef FIXED
    Label label(std::size_t) const { return Label{1}; }
#else
    std::size_t label(std::size_t) const { return 1; }
#endif
};

std::size_t labels(const Classes& set) {
    std::size_t n = 0;
    for (auto&& batch : batches(set, 2, BatchOptions{})) n += batch.labels.size();
    return n;
}
