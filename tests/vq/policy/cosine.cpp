#include <tessera/vq/policy/cosine.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/mismatch.hpp>
#include <tessera/vq/policy/gradient.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

using namespace tessera;
using namespace policy_test;

namespace cosine_test {

using Learned = Codebook<codes, vq::Gradient, vq::Cosine>;

TEST_CASE("Cosine: keeps the contract of quantizers, with moving averages and with gradients") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, vq::Cosine>, Shape<3, 3, 4>>());
    CHECK(support::keeps_quantizer_contract<Codebook<7, vq::Cosine, vq::Gradient>, Shape<3, 5>>({.batch = 9}));
}

TEST_CASE_TEMPLATE("Cosine: tokens, gradients and terms are PyTorch's, through both normalisations", T, float, double) {
    PolicyCase<Learned, T> c{{.commitment = 0.25f}};
    c.forward();
    for (std::size_t m = 0; m < rows; ++m) CHECK(c.tokens.data()[m] == twin::cosine_tokens[m]);
    c.backward();
    CHECK(differs<T>(twin::cosine_dz, c.dz.span()) == "");
    const auto terms = c.regularize();
    CHECK((terms.codebook + terms.commitment) / rows ==
          doctest::Approx(twin::cosine_terms[0]).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-13));
    CHECK(differs<T>(twin::cosine_terms_dz, c.dz.span()) == "");
    CHECK(differs<T>(twin::cosine_terms_de, c.grad.weight.span()) == "");
}

TEST_CASE("Cosine: q has length 1, and the length of z changes neither tokens nor q") {
    PolicyCase<Codebook<codes, vq::Cosine>, float> c, longer;
    for (float& v : longer.z.span()) v *= 8;  // exact
    c.forward(false);
    longer.forward(false);
    CHECK(support::equal_values(c.tokens.span(), longer.tokens.span()));
    CHECK(support::equal_values(c.q.span(), longer.q.span()));
    for (std::size_t m = 0; m < rows; ++m) {
        double sum = 0;
        for (std::size_t i = 0; i < width; ++i) sum += std::pow(static_cast<double>(c.q.data()[m * width + i]), 2);
        CHECK(sum == doctest::Approx(1).epsilon(1e-6));
    }
}

TEST_CASE("Cosine: the moving averages are of directions, so a long row has no more weight than a short one") {
    using Q = PolicyCase<Codebook<codes, vq::Cosine>, float>::Q;
    PolicyCase<Codebook<codes, vq::Cosine>, float> c;
    c.forward();
    Q::Statistics statistics;
    Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache, statistics);
    std::vector<double> sums(codes * width);
    for (std::size_t m = 0; m < rows; ++m) {
        double norm = 0;
        for (std::size_t i = 0; i < width; ++i) norm += std::pow(static_cast<double>(c.z.data()[m * width + i]), 2);
        for (std::size_t i = 0; i < width; ++i)
            sums[c.tokens.data()[m] * width + i] += static_cast<double>(c.z.data()[m * width + i]) / std::sqrt(norm);
    }
    for (std::size_t i = 0; i < sums.size(); ++i)
        CHECK(static_cast<double>(statistics.s[i]) == doctest::Approx(sums[i]).epsilon(1e-5));
}

TEST_CASE("Cosine: a row of zeros has a token, and gradient 0") {
    PolicyCase<Codebook<codes, vq::Cosine>, float> c;
    std::fill_n(c.z.data(), width, 0.f);
    c.forward();
    CHECK(c.tokens.data()[0] < codes);
    c.backward();
    for (std::size_t i = 0; i < width; ++i) CHECK(c.dz.data()[i] == 0);
}

TEST_CASE("Cosine: a file says which distance its tokens have") {
    CHECK(PolicyCase<Codebook<codes>, float>::Q::name == "Codebook");
    CHECK(PolicyCase<Codebook<codes, vq::Cosine>, float>::Q::name == "CosineCodebook");
}

}  // namespace cosine_test
