// What the two files of includes.sh share. Each includes the headers of its choice before this one.
#include <tessera/core/rng.hpp>

#include <array>
#include <cstddef>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

struct Net : Chain<Shape<8, 8, 1>, Conv2d<4, halve4>, Relu, Conv2d<8, halve4>, Relu, Reshape<32>, Linear<16>, Gelu,
                   Linear<4>> {};

/// Bound layers, and the sizes of what a caller holds.
inline std::array<std::size_t, 4> layout_here() {
    return {Net::count, sizeof(Net::Params), sizeof(Net::Packed), sizeof(Net::Cache)};
}

/// As the file with the other includes sees it: its layout; and a backward pass over a cache that was filled here.
std::array<std::size_t, 4> layout_there();
void backward_there(const Net::Packed& weights, View<const float, Net::Input> x, View<const float, Net::Output> y,
                    Net::Cache& cache, Net::Params& grad);
