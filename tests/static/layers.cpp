// The layers without products: their output shapes, their parameters, and specs that do not fit.
#include <tessera/core/token.hpp>
#include <tessera/nn/avg_pool2d.hpp>
#include <tessera/nn/dropout.hpp>
#include <tessera/nn/embedding.hpp>
#include <tessera/nn/gelu.hpp>
#include <tessera/nn/group_norm.hpp>
#include <tessera/nn/layer_norm.hpp>
#include <tessera/nn/max_pool2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/nn/reshape.hpp>
#include <tessera/nn/rms_norm.hpp>
#include <tessera/nn/sigmoid.hpp>
#include <tessera/nn/silu.hpp>
#include <tessera/nn/swiglu.hpp>
#include <tessera/nn/tanh.hpp>
#include <tessera/nn/tied_head.hpp>
#include <tessera/nn/token_embedding.hpp>
#include <tessera/nn/upsample.hpp>

#include <concepts>

using namespace tessera;
using namespace tessera::nn;

namespace {

template <class Spec, class In, class Out>
inline constexpr bool gives = LayerSpec<Spec, In, float>&& LayerSpec<Spec, In, double>&&
    std::same_as<typename Spec::template Bind<In, float>::Output, Out>;

static_assert(gives<Relu, Shape<3, 4>, Shape<3, 4>> && gives<Gelu, Shape<3>, Shape<3>> &&
              gives<Silu, Shape<3>, Shape<3>>);
static_assert(gives<Sigmoid, Shape<3>, Shape<3>> && gives<Tanh, Shape<3>, Shape<3>>);
static_assert(gives<LayerNorm, Shape<49, 128>, Shape<49, 128>> &&
              gives<GroupNorm<4>, Shape<7, 7, 32>, Shape<7, 7, 32>>);
static_assert(gives<RmsNorm, Shape<49, 128>, Shape<49, 128>>);
static_assert(gives<SwiGlu<352>, Shape<49, 128>, Shape<49, 352>>);
static_assert(gives<Dropout<Probability{.percent = 10}>, Shape<49, 128>, Shape<49, 128>>);
static_assert(gives<Embedding<512, 128>, Shape<49>, Shape<49, 128>>);
static_assert(gives<TokenEmbedding<512, 128>, Shape<49>, Shape<49, 128>> &&
              gives<TiedHead<500, TokenEmbedding<512, 128>, RmsNorm>, Shape<49>, Shape<49, 500>>);
static_assert(gives<Upsample<2>, Shape<7, 5, 32>, Shape<14, 10, 32>>);
static_assert(gives<AvgPool2d<halve2>, Shape<7, 4, 3>, Shape<3, 2, 3>> &&
              gives<MaxPool2d<keep3>, Shape<7, 4, 3>, Shape<7, 4, 3>>);
static_assert(gives<Reshape<49, 32>, Shape<7, 7, 32>, Shape<49, 32>>);

template <class Spec, class In>
using ParamsOf = typename Spec::template Bind<In, float>::Params;
static_assert(std::same_as<decltype(ParamsOf<LayerNorm, Shape<49, 128>>::weight), Param<float, Shape<128>>>);
static_assert(std::same_as<decltype(ParamsOf<GroupNorm<4>, Shape<7, 7, 32>>::bias), Param<float, Shape<32>>>);
static_assert(std::same_as<decltype(ParamsOf<Embedding<512, 128>, Shape<49>>::position), Param<float, Shape<49, 128>>>);
static_assert(std::same_as<ParamsOf<Relu, Shape<3>>, Empty> &&
              std::same_as<ParamsOf<Upsample<2>, Shape<3, 3, 1>>, Empty>);

static_assert(std::same_as<Embedding<512, 128>::Bind<Shape<49>, float>::InputScalar, Token>);

static_assert(GroupsDivideChannels<Shape<7, 7, 32>, 8> && !GroupsDivideChannels<Shape<7, 7, 32>, 5>);
static_assert(!GroupsDivideChannels<Shape<7, 7, 32>, 0> && !GroupsDivideChannels<int, 1>);
static_assert(TokenSequence<Shape<49>> && !TokenSequence<Shape<7, 7>> && !TokenSequence<int>);

// A layer of float is valid, one of int is not.
static_assert(!LayerSpec<Relu, Shape<3>, int> && !LayerSpec<Relu, int, float>);

}  // namespace
