// The models: what a quantizer spec binds to, which configurations make a Gpt, what a Trainer takes.
#include <tessera/gpt/gpt.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/nn/relu.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/testing/smooth_quantizer.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

struct Encoder : Chain<Shape<12, 8, 1>, Conv2d<6, halve4>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, double4>> {};
using Vae = VqVae<Encoder, Codebook<20>, Decoder>;

// The numbers of the second stage come from the type of the first.
static_assert(Vae::tokens == 6 * 4 && Vae::codes == 20 && Vae::Quantizer::width == 6);
static_assert(std::same_as<Vae::Input, Shape<12, 8, 1>> && std::same_as<Vae::Latent, Shape<6, 4, 6>>);
static_assert(std::same_as<decltype(Vae::Buffers::book), CodebookState<20, 6, float>>);
static_assert(std::same_as<decltype(CodebookState<20, 6, float>::weight), Param<float, Shape<20, 6>>>);
static_assert(
    std::same_as<vq::BindQuantizer<Codebook<7>, Shape<5, 3>, double>, CodebookQuantizer<Shape<5, 3>, 7, double>>);
static_assert(Parameters<Vae::Params> && Parameters<Vae::Buffers> && Parameters<Vae::Statistics>);

// Quantizers of all kinds, bound to the shape that an encoder gives; FSQ has as many channels as levels.
static_assert(vq::QuantizerSpec<Codebook<512>, Shape<7, 7, 32>> &&
              vq::QuantizerSpec<Codebook<512>, Shape<7, 7, 32>, double>);
static_assert(vq::QuantizerSpec<Fsq<8, 5, 5, 5>, Shape<7, 7, 4>> && vq::QuantizerSpec<testing::Smooth, Shape<9, 4>>);
static_assert(vq::QuantizerSpec<FsqWith<FsqBound::symmetric, 2, 2>, Shape<7, 7, 2>>);
static_assert(!vq::QuantizerSpec<Mse, Shape<7, 7, 4>> && !vq::QuantizerSpec<int, Shape<7, 7, 4>> &&
              !vq::QuantizerSpec<Relu, Shape<4>>);
using Fsq1000 = vq::BindQuantizer<Fsq<8, 5, 5, 5>, Shape<7, 7, 4>, float>;
static_assert(Fsq1000::codes == 1000 && Fsq1000::tokens == 49 && Fsq1000::width == 4);
static_assert(Fsq<8, 8, 8, 5, 5, 5>::Bind<Shape<6>, float>::codes == 64000);

// A loss is bound to the shape of a sample.
static_assert(LossSpec<Mse, Shape<28, 28, 1>> && LossSpec<Mse, Shape<28, 28, 1>, double> &&
              !LossSpec<Relu, Shape<28, 28, 1>>);
static_assert(!LossSpec<MseLoss<Shape<3>, float>, Shape<3>>);  // bound already

constexpr GptConfig good{
    .vocab = Vae::codes, .context = Vae::tokens, .width = 32, .heads = 4, .layers = 2, .classes = 10};
using Prior = Gpt<good>;
static_assert(std::same_as<Prior::Logits, Shape<24, 20>> && std::same_as<Prior::Context, Shape<24>>);
static_assert(Prior::vocab == 20 && Prior::context == 24);
static_assert(TakesTokens<Prior::Net>);

constexpr GptConfig with(GptConfig c, std::size_t GptConfig::*member, std::size_t value) {
    c.*member = value;
    return c;
}
static_assert(UsableGptConfig<good> && HeadsDivideGptWidth<good>);
static_assert(!UsableGptConfig<GptConfig{}>);
static_assert(!UsableGptConfig<with(good, &GptConfig::vocab, 0)> &&
              !UsableGptConfig<with(good, &GptConfig::context, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::width, 0)> && !UsableGptConfig<with(good, &GptConfig::heads, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::layers, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::dropout_percent, 100)>);
// Tokens, labels and the null class share 32 bits.
static_assert(UsableGptConfig<with(good, &GptConfig::vocab, 4294967283)> &&
              !UsableGptConfig<with(good, &GptConfig::vocab, 4294967284)>);
static_assert(!HeadsDivideGptWidth<with(good, &GptConfig::heads, 5)> &&
              !HeadsDivideGptWidth<with(good, &GptConfig::heads, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::vocab, ~std::size_t{0})> &&
              !UsableGptConfig<with(good, &GptConfig::classes, ~std::size_t{0})>);

// A Trainer takes both stages, and a user's model that has all required members; none that lacks one of them.
static_assert(Trainable<Vae> && Trainable<Prior> && Trainable<Gpt<good, GptBlock<32, 4>, double>>);
static_assert(!Trainable<int> && !Trainable<Encoder>);

struct Least {
    using Params = Empty;
    struct Workspace {
        Rng rng;
        std::vector<double> totals;
    };
    struct Batch {
        std::size_t size() const;
    };
    struct Report {
        double loss, grad_norm;
    };
    Params& params();
    Rng rng() const;
    Lifetime& lifetime();
    void loss_and_grad(Batch, const BatchPart&, Workspace&, Params&) const;
    Report report(const Workspace&, std::size_t) const;
};
static_assert(Trainable<Least> && !Prepares<Least> && !LearnsStatistics<Least>);

struct NoRngInWorkspace : Least {
    struct Workspace {
        std::vector<double> totals;
    };
    void loss_and_grad(Batch, const BatchPart&, Workspace&, Params&) const;
    Report report(const Workspace&, std::size_t) const;
};
struct NoTotals : Least {
    struct Workspace {
        Rng rng;
    };
    void loss_and_grad(Batch, const BatchPart&, Workspace&, Params&) const;
    Report report(const Workspace&, std::size_t) const;
};
struct ChangesItself : Least {
    void loss_and_grad(Batch, const BatchPart&, Workspace&, Params&);
};
struct OtherReport : Least {
    int report(const Workspace&, std::size_t) const;
};
struct ConstParams : Least {
    const Params& params() const;
};
struct BatchWithoutSize : Least {
    using Batch = int;
    void loss_and_grad(Batch, const BatchPart&, Workspace&, Params&) const;
};
struct NoLifetime : Least {
    int lifetime();
};
struct NoGenerator : Least {
    int rng() const;
};
static_assert(!Trainable<NoRngInWorkspace> && !Trainable<NoTotals> && !Trainable<ChangesItself> &&
              !Trainable<OtherReport> && !Trainable<ConstParams> && !Trainable<BatchWithoutSize> &&
              !Trainable<NoLifetime>);
static_assert(!std::convertible_to<int, Rng> && !Trainable<NoGenerator>);

static_assert(Optimizer<AdamW<Vae::Params>, Vae::Params> && !Optimizer<AdamW<Vae::Params>, Prior::Params>);
static_assert(std::same_as<decltype(Trainer{std::declval<Vae&>(), AdamW{std::declval<Vae&>()}}),
                           Trainer<Vae, AdamW<Vae::Params>>>);

}  // namespace
