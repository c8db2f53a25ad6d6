#include <tessera/vq/policy/orthogonal.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <tessera/vq/policy/gradient.hpp>

#include <cstddef>
#include <utility>

using namespace tessera;
using namespace policy_test;

namespace orthogonal_test {

using Spec = Codebook<codes, vq::Gradient, vq::Orthogonal>;

TEST_CASE("Orthogonal: keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Gradient, vq::Orthogonal>, Shape<3, 3, 4>>());
}

TEST_CASE_TEMPLATE("Orthogonal: value and gradient are PyTorch's, added to the codebook term", T, float, double) {
    PolicyCase<Spec, T> c{{.orthogonal = 1}}, without{{.orthogonal = 0}};
    for (auto* each : {&c, &without}) each->forward();
    const auto terms = c.regularize(), plain = without.regularize();
    CHECK((terms.codebook - plain.codebook) / rows ==
          doctest::Approx(twin::orthogonal[0]).epsilon(sizeof(T) == 4 ? 1e-5 : 1e-12));
    for (std::size_t i = 0; i < codes * width; ++i) c.grad.weight[i] -= without.grad.weight[i];
    CHECK(differs<T>(twin::orthogonal_de, c.grad.weight.span()) == "");
    CHECK(support::equal_values(without.dz.span(), c.dz.span()));
}

TEST_CASE("Orthogonal: is zero for orthogonal vectors, of any length") {
    vq::Orthogonal::Packed<double> w;
    const double e[] = {3, 0, 0, 0, -0.5, 0, 0, 0, 7};
    w.pack(3, 3, e, 2.0);
    CHECK(w.value == doctest::Approx(0).scale(1));
    for (const double g : w.de) CHECK(g == doctest::Approx(0).scale(1));
}

}  // namespace orthogonal_test
