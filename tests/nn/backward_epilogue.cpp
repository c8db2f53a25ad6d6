#include <tessera/nn/backward_epilogue.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/same_nets.hpp>
#include <tessera/nn/causal_attention.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/sigmoid.hpp>

using namespace tessera;
using namespace tessera::nn;
using support::difference_of_nets;

namespace {

// A layer that fulfils the contract and fuses nothing.
template <class L>
struct ApartLayer {
    using Scalar = typename L::Scalar;
    using T = Scalar;
    using Input = typename L::Input;
    using Output = typename L::Output;
    using Params = typename L::Params;
    using Packed = Weights<L>;
    using Cache = typename L::Cache;

    static void init(Params& p, Rng& rng) { L::init(p, rng); }
    static void pack(const Params& p, Packed& w) { nn::pack<L>(p, w); }
    static void begin(Cache& cache, const Pass& pass) { nn::begin<L>(cache, pass); }
    static void forward(const Packed& w, View<const T, Input> x, View<T, Output> y, Cache& cache) {
        L::forward(w, x, y, cache);
    }
    static void backward(const Packed& w, View<const T, Input> x, View<const T, Output> y, View<const T, Output> dy,
                         View<T, Input> dx, Cache& cache, Params& grad) {
        L::backward(w, x, y, dy, dx, cache, grad);
    }
};
template <class Spec>
struct Apart {
    template <StaticShape In, std::floating_point T>
    using Bind = ApartLayer<typename Spec::template Bind<In, T>>;
};

}  // namespace

TEST_CASE("fusion: a mask applied by the layer above, with convolutions of every kind") {
    using Fused = Chain<Shape<6, 4, 3>, Conv2d<9, keep3>, Relu, Conv2d<20, halve4>, Relu, Conv2d<33, keep1>, Relu,
                        ConvTranspose2d<9, double4>, Relu, ConvTranspose2d<1, double4>>;
    using Plain = Chain<Shape<6, 4, 3>, Apart<Conv2d<9, keep3>>, Apart<Relu>, Apart<Conv2d<20, halve4>>, Apart<Relu>,
                        Apart<Conv2d<33, keep1>>, Apart<Relu>, Apart<ConvTranspose2d<9, double4>>, Apart<Relu>,
                        Apart<ConvTranspose2d<1, double4>>>;
    static_assert(Fused::count == 5 && Plain::count == 9);
    CHECK(difference_of_nets<Fused, Plain>() == "");
}

TEST_CASE("fusion: a separate Relu is left out of the backward pass, at any position") {
    using Fused = Chain<Shape<3, 10>, Relu, Linear<17>, Relu, Linear<40>, Sigmoid, Relu, Linear<5>>;
    using Plain = Chain<Shape<3, 10>, Apart<Relu>, Apart<Linear<17>>, Apart<Relu>, Apart<Linear<40>>, Sigmoid,
                        Apart<Relu>, Apart<Linear<5>>>;
    CHECK(difference_of_nets<Fused, Plain>() == "");
    CHECK(difference_of_nets<Chain<Shape<7>, Relu, Linear<9>>, Chain<Shape<7>, Apart<Relu>, Apart<Linear<9>>>>() == "");
    CHECK(difference_of_nets<Chain<Shape<7>, Relu, Relu, Linear<9>>,
                             Chain<Shape<7>, Apart<Relu>, Apart<Relu>, Apart<Linear<9>>>>() == "");
}

TEST_CASE("fusion: the sum of a Residual in the products and norms of its branch") {
    using Block = Residual<Relu, Conv2d<5, keep3, no_bias>, Relu, Conv2d<9, keep1, no_bias>>;
    using Plain =
        Residual<Apart<Relu>, Apart<Conv2d<5, keep3, no_bias>>, Apart<Relu>, Apart<Conv2d<9, keep1, no_bias>>>;
    CHECK(difference_of_nets<Chain<Shape<4, 5, 9>, Block, Block, Relu, Conv2d<2, keep1>>,
                             Chain<Shape<4, 5, 9>, Plain, Plain, Apart<Relu>, Apart<Conv2d<2, keep1>>>>() == "");
    CHECK(difference_of_nets<Chain<Shape<3, 12>, Residual<LayerNorm, Linear<12>>>,
                             Chain<Shape<3, 12>, Residual<Apart<LayerNorm>, Apart<Linear<12>>>>>() == "");
    CHECK(difference_of_nets<Chain<Shape<3, 12>, Residual<LayerNorm, CausalAttention<3>>>,
                             Chain<Shape<3, 12>, Residual<Apart<LayerNorm>, Apart<CausalAttention<3>>>>>() == "");
    CHECK(difference_of_nets<Chain<Shape<3, 12>, Residual<Linear<12>>>,
                             Chain<Shape<3, 12>, Residual<Apart<Linear<12>>>>>() == "");
}

TEST_CASE("fusion: a chain can fuse what its first and last layers can") {
    using Front = Chain<Shape<4, 4, 3>, Relu, Conv2d<3, keep3>>;
    static_assert(fuses<Front>.add_dx && fuses<Front>.add_y && !fuses<Front>.mask_dx);
    using Back = Chain<Shape<4, 4, 3>, Sigmoid, Conv2d<3, keep3>, Relu>;
    static_assert(!fuses<Back>.add_dx && !fuses<Back>.add_y);
    static_assert(!fuses<ApartLayer<Front>>.add_dx && !fuses<ApartLayer<Front>>.add_y);
    CHECK(support::keeps_contract<Seq<Relu, Conv2d<3, keep3>>, Shape<4, 4, 3>>());
}
