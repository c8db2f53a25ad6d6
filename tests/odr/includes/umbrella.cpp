#include <tessera/tessera.hpp>

#include "net.hpp"

std::array<std::size_t, 4> layout_there() { return layout_here(); }
void backward_there(const Net::Packed& weights, View<const float, Net::Input> x, View<const float, Net::Output> y,
                    Net::Cache& cache, Net::Params& grad) {
    Net::backward_params(weights, x, y, y, cache, grad);
}
