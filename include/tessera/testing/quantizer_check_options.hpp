#pragma once
// QuantizerCheckOptions: the options of check_quantizer (testing/quantizer_check.hpp).

#include <tessera/core/abi.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::testing {

struct QuantizerCheckOptions {
    std::size_t batch = 5;        ///< samples
    std::uint64_t seed = 1;       ///< of parameters, z and dq
    bool differentiable = false;  ///< backward is the derivative of forward in training while the tokens stay
    /// Compare what the terms add to grad; false where a level takes its input as a constant.
    bool terms_move_params = true;
    double step = 1e-5;       ///< of the differences of values
    double tolerance = 1e-6;  ///< largest error of a gradient
    /// The number of calls of operator new so far. Only a program can replace it, so a header cannot count by itself.
    std::size_t (*allocations)() = nullptr;
};

}  // namespace tessera::testing
