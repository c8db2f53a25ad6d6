// 13. A custom block in place of GPT-2's.
//
//     13_custom_block [--small]
//
// A Gpt accepts any block: here a causal depthwise convolution over the tokens replaces attention. Training needs only
// the members of a layer, as in example 3. To sample with a cache, a layer that reads other tokens also defines what it
// stores of a sequence (State) and how it processes the next tokens (step). Where a row of y depends only on the same
// row of x, `nn::Steps{.per_token = true}` is enough. check_layer compares both with forward, bit for bit.

#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/sample.hpp>
#include <tessera/nn/silu.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/testing/layer_check.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <string_view>
#include <vector>

namespace ts = tessera;
using namespace tessera::nn;

// y[t][c] = sum over k < K of weight[k][c] x[t - k][c]: each channel sees the last K tokens.
template <ts::StaticShape In, std::size_t K, std::floating_point T>
struct MixerLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Cache = ts::Empty;
    static constexpr std::string_view name = "Mixer";
    static constexpr std::size_t tokens = In::dims[0], width = In::dims[1];

    struct Params {
        ts::Param<T, ts::Shape<K, width>> weight;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            f("weight", p.weight...);
        }
    };

    static void init(Params& p, ts::Rng& rng) { uniform_fan_in(p.weight, K, rng); }
    static void forward(const Params& p, ts::View<const T, In> x, ts::View<T, In> y, Cache&) {
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t t = 0; t < tokens; ++t) mix(p, x[n].data(), t, y[n].data() + t * width);
    }
    static void backward(const Params& p, ts::View<const T, In> x, ts::View<const T, In>, ts::View<const T, In> dy,
                         ts::View<T, In> dx, Cache&, Params& grad) {
        std::ranges::fill(dx.span(), T(0));
        for (std::size_t n = 0; n < x.batch(); ++n)
            for (std::size_t t = 0; t < tokens; ++t)
                for (std::size_t k = 0; k < K && k <= t; ++k)
                    for (std::size_t c = 0; c < width; ++c) {
                        dx[n][(t - k) * width + c] += p.weight[k * width + c] * dy[n][t * width + c];
                        grad.weight[k * width + c] += x[n][(t - k) * width + c] * dy[n][t * width + c];
                    }
    }

    // The next tokens of each sequence: row n * at.tokens + t of x is token at.position + t of sequence n.
    using Row = TokenRow<In>;
    struct State {
        explicit State(const Capacity& capacity) : seen(capacity.sequences) {}
        ts::Tensor<T, In> seen;
    };
    static void step(const Params& p, ts::View<const T, Row> x, ts::View<T, Row> y, State& state, const Step& at) {
        for (std::size_t n = 0; n < at.sequences; ++n)
            for (std::size_t t = 0; t < at.tokens; ++t) {
                const std::size_t place = at.position + t, row = n * at.tokens + t;
                std::ranges::copy(x[row], state.seen[n].data() + place * width);
                mix(p, state.seen[n].data(), place, y[row].data());
            }
    }

private:
    // Row t of y. forward and step share this function, so their bits are the same.
    static void mix(const Params& p, const T* x, std::size_t t, T* y) {
        std::fill_n(y, width, T(0));
        for (std::size_t k = 0; k < K && k <= t; ++k)
            for (std::size_t c = 0; c < width; ++c) y[c] += p.weight[k * width + c] * x[(t - k) * width + c];
    }
};

template <std::size_t K>
struct Mixer {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = MixerLayer<In, K, T>;
};

// [block]
using Block = Seq<Residual<LayerNorm, Mixer<4>>, Residual<LayerNorm, Linear<128>, Silu, Linear<32>>>;
using Prior = ts::Gpt<ts::GptConfig{.vocab = 8, .context = 24, .width = 32, .layers = 2}, Block>;
// [/block]

int main(int argc, char** argv) {
    const bool small = argc > 1 && std::string_view{argv[argc - 1]} == "--small";
    const auto check = ts::testing::check_layer<Block, ts::Shape<24, 32>>();
    std::printf("Block: %s\n", check ? "satisfies the contract" : check.message.c_str());
    if (!check) return 1;

    // Sequences in which each token depends on the two before it: t[i] = t[i - 1] + t[i - 2] mod 8.
    ts::Rng rng{1};
    const std::size_t count = 64;
    const auto follows = [](auto&& s, std::size_t i) { return s[i] == (s[i - 1] + s[i - 2]) % 8; };
    std::vector<ts::Token> tokens(count * Prior::context);
    for (std::size_t i = 0; i < tokens.size(); ++i)
        tokens[i] = static_cast<ts::Token>(i % Prior::context < 2 ? rng.below(8) : (tokens[i - 1] + tokens[i - 2]) % 8);
    const ts::data::Tokens<Prior::context> sequences{std::move(tokens)};

    Prior prior{rng};
    ts::Trainer trainer{prior, ts::AdamW{prior, {.lr = 3e-3}}};
    const int steps = small ? 60 : 300;
    for (int i = 1; i <= steps; ++i) {
        const double loss = trainer.step({sequences.view(), {}, 0}).loss;
        if (i % (steps / 3) == 0) std::printf("step %3d  loss %.3f\n", i, loss);
    }

    // Sampling runs one token at a time; the cache holds the State of the mixers, and no keys and values.
    const auto drawn = ts::sample(prior, 100, {.temperature = 0.7f}, rng);
    std::size_t right = 0, of = 0;
    for (std::size_t n = 0; n < drawn.size(); ++n)
        for (std::size_t i = 2; i < Prior::context; ++i) {
            right += follows(drawn[n], i);
            ++of;
        }
    const double share = static_cast<double>(right) / static_cast<double>(of);
    std::printf("%.0f %% of the drawn tokens follow the rule\n", 100 * share);
    return share > 0.5 ? 0 : 1;
}
