#include <tessera/nn/step.hpp>

#include <doctest/doctest.h>
#include <support/contract.hpp>
#include <support/user_block.hpp>
#include <tessera/tessera.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

using Sample = Shape<7, 64>;
template <class Spec, class In = Sample>
inline constexpr bool can_step = CanStep<typename Spec::template Bind<In, float>>;

// Layers that cannot step: one without steps, a norm over all tokens, a chain with one of them.
static_assert(can_step<Linear<3>> && can_step<LayerNorm> && can_step<Gelu> && can_step<CausalAttention<4>>);
static_assert(can_step<Embedding<5, 8>, Shape<7>> && can_step<Dropout<Probability{.percent = 10}>>);
static_assert(can_step<Gelu, Shape<7>> && !can_step<Linear<7>, Shape<7>> && !can_step<LayerNorm, Shape<7>>);
static_assert(!can_step<GroupNorm<4>> && !can_step<Conv2d<3, keep3>, Shape<4, 4, 2>>);
static_assert(can_step<Seq<Linear<3>, Gelu>> && !can_step<Seq<Linear<64>, GroupNorm<4>>>);
static_assert(!can_step<Residual<GroupNorm<4>>> && !can_step<Repeat<2, GroupNorm<4>>>);
static_assert(can_step<user::Mixer<4>> && can_step<user::Block<64>>);

static_assert(std::same_as<TokenRow<Shape<7, 64>>, Shape<64>> && std::same_as<TokenRow<Shape<7>>, Shape<1>> &&
              std::same_as<TokenRow<Shape<7, 2, 3>>, Shape<2, 3>>);

// A packed layer that counts how it was packed.
template <StaticShape In, std::floating_point T>
struct CountingLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    using Cache = Empty;
    struct Packed {
        int whole = 0, forward_only = 0;
    };
    static constexpr Steps steps{.per_token = true};
    static void init(Params&, Rng&) {}
    static void pack(const Params&, Packed& w) { ++w.whole; }
    static void pack_forward(const Params&, Packed& w) { ++w.forward_only; }
    static void forward(const Packed&, View<const T, In>, View<T, In>, Cache&) {}
    static void backward(const Packed&, View<const T, In>, View<const T, In>, View<const T, In>, View<T, In>, Cache&,
                         Params&) {}
};
struct Counting {
    template <StaticShape In, std::floating_point T>
    using Bind = CountingLayer<In, T>;
};

// y = x, and 2 x in training: shows which Pass a layer gets before a step.
template <StaticShape In, std::floating_point T>
struct ToldLayer {
    using Scalar = T;
    using Input = In;
    using Output = In;
    using Params = Empty;
    struct Cache {
        bool training = true;
    };
    static constexpr Steps steps{.per_token = true};
    static void init(Params&, Rng&) {}
    static void begin(Cache& cache, const Pass& pass) { cache.training = pass.training; }
    static void forward(const Params&, View<const T, In> x, View<T, In> y, Cache& cache) {
        for (std::size_t i = 0; i < x.span().size(); ++i) y.data()[i] = (cache.training ? 2 : 1) * x.data()[i];
    }
    static void backward(const Params&, View<const T, In>, View<const T, In>, View<const T, In> dy, View<T, In> dx,
                         Cache& cache, Params&) {
        for (std::size_t i = 0; i < dy.span().size(); ++i) dx.data()[i] = (cache.training ? 2 : 1) * dy.data()[i];
    }
};
struct Told {
    template <StaticShape In, std::floating_point T>
    using Bind = ToldLayer<In, T>;
};

}  // namespace

TEST_CASE("step: pack_forward reaches every layer once, by its pack_forward where it has one") {
    using Net = Chain<Sample, Counting, Residual<Counting, Linear<64>>, Repeat<3, Counting>>;
    Net::Params params;
    Rng rng{1};
    Net::init(params, rng);
    Net::Packed packed;
    nn::pack_forward<Net>(params, packed);
    const auto& [first, residual, copies] = packed.items;
    CHECK(first.forward_only == 1);
    CHECK(std::get<0>(residual.items).forward_only == 1);
    for (const auto& copy : copies.items) CHECK(std::get<0>(copy.items).forward_only == 1);
    CHECK(first.whole == 0);
    CHECK(std::get<1>(residual.items).forward.columns() == 64);
    CHECK(std::get<1>(residual.items).backward.columns() == 0);
}

TEST_CASE("step: keeps_contract compares with forward for every way to support steps") {
    CHECK(support::keeps_contract<user::Mixer<3>, Shape<7, 5>>());
    CHECK(support::keeps_contract<user::Gate, Shape<7, 6>>());
    CHECK(support::keeps_contract<Told, Shape<3, 5>>());
    CHECK(support::keeps_contract<user::Block<8>, Shape<6, 8>>());
}

TEST_CASE("step: the next layer reads a complete y, for any order of ways to share it") {
    // elementwise after rows that a Mixer left to the leader, after columns, and first; branches that do not add x
    // themselves
    CHECK(
        support::keeps_contract<Seq<Silu, user::Mixer<3>, Silu, Linear<96>, Tanh, LayerNorm, Sigmoid>, Shape<6, 64>>());
    CHECK(support::keeps_contract<Residual<LayerNorm, user::Mixer<3>, Dropout<Probability{.percent = 10}>>,
                                  Shape<6, 64>>());
    CHECK(support::keeps_contract<Residual<CausalAttention<4>, Seq<LayerNorm>>, Shape<6, 64>>());
    CHECK(support::keeps_contract<Residual<LayerNorm, Linear<128>, Seq<Gelu>, Linear<64>, Silu>, Shape<6, 64>>());
    CHECK(support::keeps_contract<Seq<Repeat<2, Linear<64>, LayerNorm>, Repeat<3, Residual<LayerNorm, Linear<64>>>>,
                                  Shape<6, 64>>());
    CHECK(support::keeps_contract<Dropout<Probability{.percent = 10}>, Shape<6, 64>>());
}
