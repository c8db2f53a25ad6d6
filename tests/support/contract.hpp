#pragma once
// keeps_contract<Spec, In>(), keeps_quantizer_contract, keeps_loss_contract: check_layer, check_quantizer and
// check_loss with this program's allocation counter.

#include <support/counting_allocator.hpp>

#include <tessera/testing/layer_check.hpp>
#include <tessera/testing/loss_check.hpp>
#include <tessera/testing/quantizer_check.hpp>

namespace support {

template <class Spec, class In>
tessera::testing::CheckResult keeps_contract(tessera::testing::LayerCheckOptions options = {}) {
    options.allocations = support::allocations;
    return tessera::testing::check_layer<Spec, In>(options);
}

template <class Spec, class In>
tessera::testing::CheckResult keeps_quantizer_contract(tessera::testing::QuantizerCheckOptions options = {}) {
    options.allocations = support::allocations;
    return tessera::testing::check_quantizer<Spec, In>(options);
}

template <class Spec, class In>
tessera::testing::CheckResult keeps_loss_contract(tessera::testing::LossCheckOptions options = {}) {
    options.allocations = support::allocations;
    return tessera::testing::check_loss<Spec, In>(options);
}

}  // namespace support
