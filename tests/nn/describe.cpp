#include <tessera/nn/describe.hpp>

#include <doctest/doctest.h>
#include <tessera/nn/conv2d.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/linear.hpp>
#include <tessera/nn/relu.hpp>

#include <string>

using namespace tessera;
using namespace tessera::nn;

namespace {

struct Encoder : Chain<Shape<28, 28, 1>, Conv2d<4, halve4>, Relu, Residual<Relu, Conv2d<4, keep3>>, Conv2d<2, keep1>> {
};

using Shortcut = Seq<Residual<LayerNorm, Linear<16>, Gelu, Linear<4>>>;
struct Prior : Chain<Shape<9>, Embedding<11, 4>, Repeat<3, Shortcut>, Seq<LayerNorm, Linear<11, no_bias>>> {};

struct Nameless {
    template <StaticShape In, std::floating_point T>
    struct Bound {
        using Scalar = T;
        using Input = In;
        using Output = In;
        using Params = Empty;
        using Cache = Empty;
        static void init(Params&, Rng&) {}
        static void forward(const Params&, View<const T, In>, View<T, In>, Cache&) {}
        static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>,
                             Cache&, Params&) {}
    };
    template <StaticShape In, std::floating_point T>
    using Bind = Bound<In, T>;
};

}  // namespace

TEST_CASE("describe: one line per layer with position, name, shapes and parameters, and the total") {
    CHECK(describe<Encoder>() == "   layer               input    output   parameters\n"
                                 "0  Convolution + Relu  28x28x1  14x14x4          68\n"
                                 "2  Residual            14x14x4  14x14x4         148\n"
                                 "  0  Relu              14x14x4  14x14x4           0\n"
                                 "  1  Conv2d            14x14x4  14x14x4         148\n"
                                 "3  Conv2d              14x14x4  14x14x2          10\n"
                                 "   total                                        226\n");
}

TEST_CASE("describe: Repeat shows its group once and counts all copies; a nested chain is indented") {
    CHECK(describe<Prior>() == "   layer              input  output  parameters\n"
                               "0  Embedding          9      9x4             80\n"
                               "1  Repeat 3 times     9x4    9x4            468\n"
                               "  0  Residual         9x4    9x4            156\n"
                               "    0  LayerNorm      9x4    9x4              8\n"
                               "    1  Linear + Gelu  9x4    9x16            80\n"
                               "    3  Linear         9x16   9x4             68\n"
                               "2  Chain              9x4    9x11            52\n"
                               "  0  LayerNorm        9x4    9x4              8\n"
                               "  1  Linear           9x4    9x11            44\n"
                               "   total                                    600\n");
}

TEST_CASE("describe: a single layer, and a layer without a name") {
    CHECK(describe<Linear<3>::Bind<Shape<2>, double>>() == "   layer   input  output  parameters\n"
                                                           "   Linear  2      3                9\n"
                                                           "   total                           9\n");
    CHECK(describe<Chain<Shape<2>, Nameless>>() == "   layer  input  output  parameters\n"
                                                   "0  layer  2      2                0\n"
                                                   "   total                          0\n");
}
