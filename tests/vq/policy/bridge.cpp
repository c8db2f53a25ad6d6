#include <tessera/vq/policy/bridge.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/residual.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace bridge_test {

using Net = nn::Residual<nn::Linear<8>, nn::Gelu, nn::Linear<width>>;
using Spec = Codebook<codes, vq::Bridge<Net>>;

TEST_CASE("Bridge: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Bridge<Net>>, Shape<3, 3, 4>>());
}

TEST_CASE("Bridge: the codebook term's gradient reaches net and table, by differences") {
    using Case = PolicyCase<Spec, double>;
    Case c;
    c.forward();
    static_cast<void>(c.regularize());
    const auto loss = [&] {
        c.pack();
        c.forward();
        Case::Q::Params unused;
        return Case::Q::regularize(c.w, std::as_const(c.z), std::as_const(c.tokens), std::as_const(c.q), c.dz.view(),
                                   c.cache, unused, rows)
                   .codebook /
               rows;
    };
    Case::Q::Params::each(
        [&](const Path& path, auto& leaf, const auto& grad) {
            for (std::size_t i = 0; i < leaf.span().size(); ++i) {
                const double value = leaf[i], step = 1e-6;
                leaf[i] = value + step;
                const double above = loss();
                leaf[i] = value - step;
                const double below = loss();
                leaf[i] = value;
                INFO(path.str(), " ", i);
                CHECK(grad[i] == doctest::Approx((above - below) / (2 * step)).epsilon(1e-6).scale(1));
            }
        },
        c.params, c.grad);
}

TEST_CASE("Bridge: more vectors than are computed at a time") {
    using Q = Codebook<1100, vq::Bridge<nn::Linear<width>>>::Bind<Shape<width>, float>;
    Q::Params params;
    Q::Buffers buffers;
    Q::Packed w;
    Rng rng{1};
    Q::init(params, buffers, rng);
    Q::pack(params, buffers, {}, w);
    const auto& net = std::get<0>(params.net.items);
    for (const std::size_t k : {0u, 511u, 512u, 1023u, 1024u, 1099u})
        for (std::size_t i = 0; i < width; ++i) {
            double sum = static_cast<double>(net.bias[i]);
            for (std::size_t j = 0; j < width; ++j)
                sum += static_cast<double>(params.learned.table[k * width + j]) *
                       static_cast<double>(net.weight[j * width + i]);
            CHECK(static_cast<double>(w.codes.weight[k * width + i]) == doctest::Approx(sum).epsilon(1e-5));
        }
}

}  // namespace bridge_test
