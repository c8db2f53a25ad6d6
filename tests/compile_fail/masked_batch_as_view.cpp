// expect: batches: a batch with a mask does not convert to a View, which would lose the mask: pass batch.x where all
#include <tessera/data/batches.hpp>
#include <tessera/data/images.hpp>
#include <tessera/data/padded.hpp>

using namespace tessera;

using Small = data::Images<Shape<2, 2, 1>>;

float first(View<const float, Shape<4, 4, 1>> x) { return x.data()[0]; }

float sum(const Small& images) {
    const data::Padded<Shape<4, 4, 1>, Small> padded{images};
    float total = 0;
#ifdef FIXED
    for (auto&& batch : batches(padded, 2, BatchOptions{})) total += first(batch.x);
#else
    for (auto&& batch : batches(padded, 2, BatchOptions{})) total += first(batch);
#endif
    return total;
}
