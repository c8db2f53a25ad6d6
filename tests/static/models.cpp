// The models: what a Codebook binds to, which configurations make a Gpt, what a Trainer takes.
#include <tessera/gpt/gpt.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/conv_transpose2d.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/vq_vae.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

using namespace tessera;
using namespace tessera::nn;

namespace {

struct Encoder : Chain<Shape<12, 8, 1>, Conv2d<6, down2>> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, up2>> {};
using Vae = VqVae<Encoder, Codebook<20>, Decoder>;

// Numbers that a user needs for the second stage come from the first one's type.
static_assert(Vae::tokens == 6 * 4 && Vae::codes == 20 && Vae::width == 6);
static_assert(std::same_as<Vae::Input, Shape<12, 8, 1>> && std::same_as<Vae::Latent, Shape<6, 4, 6>>);
static_assert(std::same_as<Vae::State, CodebookState<20, 6, float>>);
static_assert(std::same_as<decltype(Vae::State::weight), Param<float, Shape<20, 6>>>);
static_assert(std::same_as<Codebook<7>::Bind<3, double>, CodebookState<7, 3, double>>);
static_assert(Parameters<Vae::Params> && Parameters<Vae::State>);

constexpr GptConfig good{.vocab = Vae::codes, .context = Vae::tokens, .width = 32, .heads = 4, .layers = 2, .classes = 10};
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
static_assert(!UsableGptConfig<with(good, &GptConfig::vocab, 0)> && !UsableGptConfig<with(good, &GptConfig::context, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::width, 0)> && !UsableGptConfig<with(good, &GptConfig::heads, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::layers, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::dropout_percent, 100)>);
// Tokens, labels and the null class share 32 bits.
static_assert(UsableGptConfig<with(good, &GptConfig::vocab, 4294967283)> && !UsableGptConfig<with(good, &GptConfig::vocab, 4294967284)>);
static_assert(!HeadsDivideGptWidth<with(good, &GptConfig::heads, 5)> && !HeadsDivideGptWidth<with(good, &GptConfig::heads, 0)>);
static_assert(!UsableGptConfig<with(good, &GptConfig::vocab, ~std::size_t{0})> && !UsableGptConfig<with(good, &GptConfig::classes, ~std::size_t{0})>);

// A Trainer takes both stages, and a user's model that has what it asks for; nothing that misses one of it.
static_assert(Trainable<Vae> && Trainable<Prior> && Trainable<Gpt<good, GptBlock<32, 4>, double>>);
static_assert(!Trainable<int> && !Trainable<Encoder>);

struct Least {
    using Params = Empty;
    struct Workspace {
        Rng rng;
    };
    using Batch = int;
    struct Report {
        double loss, grad_norm;
    };
    Params& params();
    Report loss_and_grad(Batch, Workspace&, Params&) const;
};
static_assert(Trainable<Least>);

struct NoRng : Least {
    struct Workspace {};
    Report loss_and_grad(Batch, Workspace&, Params&) const;
};
struct ChangesItself : Least {
    Report loss_and_grad(Batch, Workspace&, Params&);
};
struct OtherReport : Least {
    int loss_and_grad(Batch, Workspace&, Params&) const;
};
struct ConstParams : Least {
    const Params& params() const;
};
static_assert(!Trainable<NoRng> && !Trainable<ChangesItself> && !Trainable<OtherReport> && !Trainable<ConstParams>);

static_assert(Optimizer<AdamW<Vae::Params>, Vae::Params> && !Optimizer<AdamW<Vae::Params>, Prior::Params>);
static_assert(std::same_as<decltype(Trainer{std::declval<Vae&>(), AdamW{std::declval<Vae&>()}}),
                           Trainer<Vae, AdamW<Vae::Params>>>);

}  // namespace
