// 14. A custom quantizer.
//
//     14_custom_quantizer [folder with digits] [--small]
//
// VqVae calls the quantizer only through its contract (vq/quantizer.hpp); Codebook is one implementation. The quantizer
// here has no codebook: the sign of each channel is one bit of the token. The compiler checks the members
// (vq::QuantizerSpec), and testing::check_quantizer checks the rules at run time: that lookup gives the bits of
// forward, gradients of the terms against finite differences, that samples are independent, that absent tokens
// contribute nothing, and more.

#include "support/course_nets.hpp"

#include <tessera/data/batches.hpp>
#include <tessera/data/image.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/testing/quantizer_check.hpp>
#include <tessera/train/trainer.hpp>
#include <tessera/vq/quantize.hpp>
#include <tessera/vq/quantizer.hpp>

#include <concepts>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string_view>

// clang-format off
using namespace tessera::nn;

struct Encoder : Chain<tessera::Shape<28, 28, 1>,
    Conv2d<16, halve4>, Relu,                                          // 14 x 14
    Conv2d<32, halve4>, Relu,                                          //  7 x  7
    Conv2d<8, keep1>> {};                                              //  7 x  7 vectors of 8

struct Decoder : Chain<Encoder::Output,
    Conv2d<32, keep3>, Relu,
    ConvTranspose2d<16, double4>, Relu,                                // 14 x 14
    ConvTranspose2d<1, double4>> {};                                   // 28 x 28
// clang-format on

// [quantizer]
namespace ts = tessera;

// q = 1 where z > 0, else -1; channel i is bit i of the token.
// dz = dq, and the term "commitment", beta mean (z - q)^2, keeps z near q
template <ts::StaticShape In, std::floating_point T>
struct SignQuantizer {
    static constexpr std::string_view name = "Sign";
    static constexpr std::size_t width = ts::last_dim<In>, tokens = ts::row_count<In>;
    static constexpr std::size_t codes = std::size_t{1} << width;
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Tokens = ts::Shape<tokens>;
    using Params = ts::Empty;   // nothing learned from gradients
    using Buffers = ts::Empty;  // and no other state
    using Cache = ts::Empty;
    struct Options {
        float commitment = 0.25f;
    };
    using Packed = Options;

    static void init(Params&, Buffers&, ts::Rng&) {}
    static void pack(const Params&, const Buffers&, const Options& options, Packed& w) { w = options; }
    static void forward(const Packed& w, const ts::nn::Pass& pass, ts::View<const T, In> z,
                        ts::View<ts::Token, Tokens> out, ts::View<T, In> q, Cache& cache) {
        ts::check_finite(z.span(), "encoder output", pass.first * In::size);  // NaN has no token
        for (std::size_t row = 0; row < out.span().size(); ++row) {
            ts::Token token = 0;
            for (std::size_t i = 0; i < width; ++i)
                if (z.data()[row * width + i] > 0) token |= ts::Token{1} << i;
            out.data()[row] = token;
        }
        lookup(w, out, q, cache);
    }
    static void lookup(const Packed&, ts::View<const ts::Token, Tokens> in, ts::View<T, In> q, Cache&) {
        for (std::size_t i = 0; i < q.span().size(); ++i) {
            const ts::Token token = in.data()[i / width];
            q.data()[i] = token == ts::no_token ? T(0) : (token >> i % width & 1) != 0 ? T(1) : T(-1);
        }
    }
    static void backward(const Packed&, ts::View<const T, In>, ts::View<const ts::Token, Tokens> chosen,
                         ts::View<const T, In>, ts::View<const T, In> dq, ts::View<T, In> dz, Cache&, Params&) {
        for (std::size_t i = 0; i < dz.span().size(); ++i)
            dz.data()[i] = chosen.data()[i / width] == ts::no_token ? T(0) : dq.data()[i];
    }

    struct Terms {
        double commitment = 0;

        template <class F, class... S>
        static void each(F&& f, S&... terms) {
            f("commitment", terms.commitment...);
        }
    };
    static Terms regularize(const Packed& w, ts::View<const T, In> z, ts::View<const ts::Token, Tokens> chosen,
                            ts::View<const T, In> q, ts::View<T, In> dz, Cache&, Params&, double divisor) {
        const double beta = static_cast<double>(w.commitment) / static_cast<double>(In::size);
        const T slope = static_cast<T>(2 * beta / divisor);
        double sum = 0;
        for (std::size_t i = 0; i < dz.span().size(); ++i) {
            if (chosen.data()[i / width] == ts::no_token) continue;
            const T difference = z.data()[i] - q.data()[i];
            dz.data()[i] += slope * difference;
            sum += static_cast<double>(difference * difference);
        }
        return {beta * sum};
    }
};

// the spec, to be used in a VqVae
struct Sign {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = SignQuantizer<In, T>;
};

static_assert(ts::vq::QuantizerSpec<Sign, ts::Shape<7, 7, 8>>);
using Vae = ts::VqVae<Encoder, Sign, Decoder>;  // 8 channels: 2^8 tokens, no codebook
// [/quantizer]

// The same quantizer with a bug: the gradient of the commitment term is half of what it should be.
template <ts::StaticShape In, std::floating_point T>
struct WrongQuantizer : SignQuantizer<In, T> {
    using Base = SignQuantizer<In, T>;
    static constexpr std::string_view name = "Wrong";
    static typename Base::Terms regularize(const typename Base::Packed& w, ts::View<const T, In> z,
                                           ts::View<const ts::Token, ts::Shape<Base::tokens>> chosen,
                                           ts::View<const T, In> q, ts::View<T, In> dz, ts::Empty& cache,
                                           ts::Empty& grad, double divisor) {
        return Base::regularize(w, z, chosen, q, dz, cache, grad, 2 * divisor);
    }
};
struct Wrong {
    template <ts::StaticShape In, std::floating_point T>
    using Bind = WrongQuantizer<In, T>;
};

int run(const course::Arguments& arguments) {
    // In a test: CHECK(check_quantizer<Sign, Shape<3, 3, 4>>()).
    const auto good = ts::testing::check_quantizer<Sign, ts::Shape<3, 3, 4>>();
    std::printf("Sign:  %s\n", good ? "satisfies the contract" : good.message.c_str());
    const auto bad = ts::testing::check_quantizer<Wrong, ts::Shape<3, 3, 4>>();
    std::printf("Wrong: %s\n", bad ? "satisfies the contract" : bad.message.c_str());

    const auto digits = ts::data::load_mnist(arguments.folder);
    const auto train =
        digits.train.subset(course::evenly(arguments.small ? 1000 : digits.train.size(), digits.train.size()));
    ts::Rng rng{42};
    Vae vae{rng, {.commitment = 0.1f}};
    ts::Trainer trainer{vae, ts::AdamW{vae, {.lr = 2e-3}}, {.clip_norm = 1}};
    for (int epoch = 0; epoch < 4; ++epoch) {
        Vae::Report last;  // a VqVaeReport, with the terms of the quantizer by name
        for (auto&& batch : ts::batches(train, 32, rng)) last = trainer.step(batch);
        std::printf("epoch %d  mse %.4f  commitment %.4f  %zu different tokens in the last batch\n", epoch + 1,
                    last.reconstruction, last.terms.commitment, last.used);
    }
    const auto test = vae.evaluate(digits.test);
    std::printf("test mse %.4f, %.2f dB; usage %.0f %% of %zu tokens, perplexity %.0f\n", test.mse, test.psnr_db,
                100 * test.usage, Vae::codes, test.perplexity);
    // always predicting the mean image would give an error of 0.067
    return good && !bad && test.mse < 0.06 ? 0 : 1;
}

int main(int argc, char** argv) {
    try {
        return run({argc, argv});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "14_custom_quantizer: %s\n", error.what());
        return 1;
    }
}
