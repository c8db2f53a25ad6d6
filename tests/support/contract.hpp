#pragma once
// keeps_contract<Spec, In>(): check_layer with this program's allocation counter.

#include <support/counting_allocator.hpp>

#include <tessera/testing/layer_check.hpp>

namespace support {

template <class Spec, class In>
tessera::testing::CheckResult keeps_contract(tessera::testing::LayerCheck options = {}) {
    options.allocations = support::allocations;
    return tessera::testing::check_layer<Spec, In>(options);
}

}  // namespace support
