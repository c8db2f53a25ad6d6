// Any exception of user code, in any thread, reaches the caller unchanged, and the call has no effect.
#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/host.hpp>
#include <support/message.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

using namespace tessera;

namespace {

struct NoException {  // a user's type that is not a std::exception
    int number;
};

// An identity layer that throws at a call chosen by the test.
struct Fuse {
    static inline std::atomic<int> calls_left{-1};
    static inline std::atomic<int> number{0};

    static void burn() {
        if (calls_left.load() < 0 || calls_left.fetch_sub(1) != 0) return;
        if (number % 2) throw NoException{number};
        throw std::range_error("fuse " + std::to_string(number));
    }
    template <StaticShape In, std::floating_point T>
    struct Layer {
        using Scalar = T;
        using Input = In;
        using Output = In;
        using Params = Empty;
        using Cache = Empty;
        static void init(Params&, Rng&) {}
        static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache&) {
            burn();
            std::ranges::copy(x.span(), y.span().begin());
        }
        static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In> dy, View<T, In> dx,
                             Cache&, Params&) {
            burn();
            std::ranges::copy(dy.span(), dx.span().begin());
        }
    };
    template <StaticShape In, std::floating_point T>
    using Bind = Layer<In, T>;
};

struct Encoder
    : nn::Chain<support::TinyImage, nn::Conv2d<6, nn::halve4>, Fuse, nn::Relu, nn::Conv2d<4, nn::halve4>, Fuse> {};
struct Decoder : nn::Chain<Encoder::Output, Fuse, nn::ConvTranspose2d<5, nn::double4>, nn::Relu, Fuse,
                           nn::ConvTranspose2d<1, nn::double4>, nn::Sigmoid> {};
using Vae = VqVae<Encoder, Codebook<8>, Decoder>;

constexpr std::size_t batch_size = 70;  // 5 groups, 18 blocks: 18 x 4 x 2 calls, and 5 x 2 for the start of the codes

std::size_t threads_of_this_process() {
    std::size_t count = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/task", none})
        count += !entry.path().empty();
    return count;
}

// Images that cannot be read at one index, or none.
struct Failing : data::Images<support::TinyImage> {
    std::size_t bad = ~std::size_t{0};
    explicit Failing(std::size_t count) : data::Images<support::TinyImage>{support::bars(count, 1)} {}
    void copy(std::size_t i, std::span<float, 64> to) const {
        if (i == bad) throw NoException{static_cast<int>(i)};
        data::Images<support::TinyImage>::copy(i, to);
    }
};

}  // namespace

TEST_CASE("Exceptions: a layer that throws a hundred times, anywhere, does not change the result of training") {
    const auto x = support::batch_of<float>(support::bars(batch_size, 1));
    const auto train = [&](bool disturbed) {
        Rng rng{1}, where{5};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}, {.clip_norm = 1, .accumulate = 1, .seed = 3}};
        int wrong = 0;
        const auto fail = [&](int n) {
            const auto before = support::hash_state(trainer);
            Fuse::number = n;
            Fuse::calls_left = static_cast<int>(where.below(144));
            try {
                trainer.step(x);
                ++wrong;
            } catch (const std::range_error& e) {
                wrong += n % 2 || e.what() != "fuse " + std::to_string(n);
            } catch (const NoException& e) {
                wrong += !(n % 2) || e.number != n;
            }
            Fuse::calls_left = -1;
            wrong += support::hash_state(trainer) != before;
        };
        for (int step = 0; step < 20; ++step) {
            if (disturbed)
                for (int n = 0; n < 5; ++n) fail(5 * step + n);
            trainer.step(x);
        }
        CHECK(wrong == 0);
        return support::hash_state(trainer);
    };
    const auto undisturbed = train(false);
    for (const int threads : {1, 4})
        support::in_arena(threads, [&] {
            const std::size_t before = threads_of_this_process();
            CHECK(train(true) == undisturbed);
            CHECK(threads_of_this_process() <= before + static_cast<std::size_t>(threads));
            return 0;
        });
    CHECK(threads_of_this_process() <= 16);
}

TEST_CASE("Exceptions: an evaluation that throws does not change the model, and the next one is right") {
    Rng rng{1};
    Vae vae{rng};
    const auto pictures = support::bars(100, 1);
    const auto state = support::hash_state(vae);
    const double mse = vae.evaluate(pictures).mse;
    support::in_arena(4, [&] {
        for (int n = 0; n < 20; ++n) {
            Fuse::number = n;
            Fuse::calls_left = n % 7;
            if (n % 2)
                CHECK_THROWS_AS(static_cast<void>(vae.evaluate(pictures)), NoException);
            else
                CHECK(support::message<std::range_error>([&] { static_cast<void>(vae.encode(pictures)); }) ==
                      "fuse " + std::to_string(n));
            Fuse::calls_left = -1;
        }
        return 0;
    });
    CHECK(support::hash_state(vae) == state);
    CHECK(vae.evaluate(pictures).mse == mse);
}

TEST_CASE("Exceptions: an exception of a dataset ends the loop, and a new loop gives the bits of an undisturbed run") {
    const auto train = [](std::size_t failures) {
        Failing images{100};
        Rng rng{1};
        Vae vae{rng};
        Trainer trainer{vae, AdamW{vae}};
        for (std::size_t f = 0; f < failures; ++f) {  // in the first batch, whose order is not shuffled
            images.bad = f;
            CHECK_THROWS_AS(
                [&] {
                    for (auto&& batch : batches(images, 32, {.shuffle = false})) trainer.step(batch);
                }(),
                NoException);
            CHECK_THROWS_AS(static_cast<void>(vae.encode(images)), NoException);
            CHECK_THROWS_AS(static_cast<void>(vae.evaluate(images)), NoException);
        }
        images.bad = ~std::size_t{0};
        for (auto&& batch : batches(images, 32, {.shuffle = false})) trainer.step(batch);
        return support::hash_state(trainer);
    };
    CHECK(train(0) == train(3));
}

TEST_CASE("Exceptions: an exception of a callback reaches the caller of encode_dataset") {
    Rng rng{1};
    Vae vae{rng};
    const auto pictures = support::bars(1100, 1);  // three pieces
    std::size_t pieces = 0;
    CHECK_THROWS_AS(vae.freeze().encode_dataset(pictures,
                                                [&](std::size_t, Vae::Batch, Vae::TokenView) {
                                                    if (++pieces == 2) throw NoException{2};
                                                }),
                    NoException);
    CHECK(pieces == 2);
}
