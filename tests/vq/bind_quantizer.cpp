#include <tessera/vq/bind_quantizer.hpp>

#include <doctest/doctest.h>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>

#include <concepts>
#include <utility>

using namespace tessera;

namespace bind_quantizer_test {

namespace {

using In = Shape<2, 3>;
static_assert(std::same_as<vq::BindQuantizer<Codebook<4>, In, float>, CodebookQuantizer<In, 4, float>>);
static_assert(std::same_as<vq::BindQuantizer<Codebook<4>, In, double>, CodebookQuantizer<In, 4, double>>);
static_assert(
    std::same_as<vq::BindQuantizer<Fsq<5, 4, 3>, In, float>, FsqQuantizer<In, FsqBound::tanh, float, 5, 4, 3>>);
static_assert(std::same_as<vq::BindQuantizer<testing::Smooth, In, float>, testing::SmoothQuantizer<In, float>>);
static_assert(vq::detail::BindsTo<Codebook<4>, In, float> && !vq::detail::BindsTo<int, In, float>);

}  // namespace

// So that an invalid spec prints one message only.
TEST_CASE("BindQuantizer: after an invalid spec compilation continues with a quantizer that does nothing") {
    using Broken = vq::detail::BrokenQuantizer<In, float>;
    static_assert(vq::Quantizer<Broken> && Broken::tokens == 2 && Broken::codes == 1);
    static_assert(!vq::Regularizes<Broken> && !vq::Observes<Broken> && !vq::InitializesFromData<Broken>);
    Empty none;
    Rng rng{1};
    Tensor<float, In> z{1}, q{1};
    Tensor<Token, Shape<2>> tokens{1};
    q.data()[0] = 4;
    Broken::init(none, none, rng);
    Broken::pack(none, none, {}, none);
    Broken::forward(none, {}, std::as_const(z), tokens.view(), q.view(), none);
    Broken::lookup(none, std::as_const(tokens), q.view(), none);
    Broken::backward(none, std::as_const(z), std::as_const(tokens), std::as_const(q), std::as_const(q), z.view(), none,
                     none);
    CHECK(q.data()[0] == 4);
    CHECK(z.data()[0] == 0);
}

}  // namespace bind_quantizer_test
