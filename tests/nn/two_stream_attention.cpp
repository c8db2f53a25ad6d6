#include <tessera/nn/two_stream_attention.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/contract.hpp>
#include <support/golden.hpp>
#include <support/mismatch.hpp>
#include <support/numbers.hpp>
#include <tessera/nn/repeat.hpp>
#include <tessera/nn/residual.hpp>
#include <tessera/nn/rms_norm.hpp>
#include <tessera/nn/tied_head.hpp>
#include <tessera/nn/token_embedding.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace tessera;
using namespace tessera::nn;

namespace {

using Layer = TwoStreamAttention<4>::Bind<Shape<14, 64>, float>;
using One = CausalAttention<4>::Bind<Shape<7, 64>, float>;
constexpr std::size_t contents = 7, width = 64;
constexpr AttentionOptions two_grouped{.kv_heads = 2, .bias = no_bias}, two_rotary{.rotary = Rotary::sequence},
    two_modern{.kv_heads = 1, .rotary = Rotary::sequence, .bias = no_bias},
    two_grid{.kv_heads = 2, .rotary = Rotary::grid, .columns = 5, .base = 100, .bias = no_bias};

struct Fixture {
    Layer::Params params;
    Layer::Packed two;
    One::Packed one;
    Fixture() {
        Rng rng{3};
        Layer::init(params, rng);
        for (auto& v : params.in_bias.span()) v = rng.uniform(-1, 1);
        Layer::pack(params, two);
        One::pack(params, one);
    }
};

std::vector<float> forward(const Fixture& w, const std::vector<float>& x) {
    Tensor<float, Shape<14, 64>> y{1};
    Layer::Cache cache;
    Layer::forward(w.two, View<const float, Shape<14, 64>>{x.data(), 1}, y.view(), cache);
    return {y.span().begin(), y.span().end()};
}
template <AttentionOptions O>
struct Rotated {
    static constexpr AttentionOptions options = O;
};
constexpr AttentionOptions grid_of_two{.rotary = Rotary::grid, .columns = 7};
std::span<const float> row(const std::vector<float>& rows, std::size_t i) {
    return std::span{rows}.subspan(i * width, width);
}

}  // namespace

TEST_CASE("TwoStreamAttention keeps the contract") {
    CHECK(support::keeps_contract<TwoStreamAttention<3>, Shape<14, 12>>());
    CHECK(support::keeps_contract<TwoStreamAttention<1>, Shape<2, 8>>());
    CHECK(support::keeps_contract<TwoStreamAttention<2>, Shape<34, 32>>());
    CHECK(support::keeps_contract<TwoStreamAttention<4, two_grouped>, Shape<10, 16>>());
    // one worker and enough heads for KvCacheInterleaved
    CHECK(support::keeps_contract<TwoStreamAttention<4>, Shape<10, 64>>());
}

TEST_CASE("TwoStreamAttention with rotary positions and places in any order keeps the contract") {
    CHECK(support::keeps_contract<TwoStreamAttention<3, two_rotary>, Shape<14, 12>>());
    CHECK(support::keeps_contract<TwoStreamAttention<2, two_modern>, Shape<14, 24>>());
    CHECK(support::keeps_contract<TwoStreamAttention<6, two_grid>, Shape<20, 48>>());
    CHECK(support::keeps_contract<TwoStreamAttention<4, two_rotary>, Shape<10, 64>>());
    // every layer that consists of layers hands the places on
    CHECK(support::keeps_contract<Repeat<2, Residual<RmsNorm, TwoStreamAttention<2, two_modern>>>, Shape<14, 24>>());
    CHECK(
        support::keeps_contract<TiedHead<11, TokenEmbedding<13, 24>, TwoStreamAttention<2, two_modern>>, Shape<14>>());
}

TEST_CASE("TwoStreamAttention: values and gradients are those of PyTorch's MultiheadAttention under its mask") {
    CHECK(support::matches_golden<TwoStreamAttention<3>, Shape<14, 12>>("two_stream_attention"));
}

TEST_CASE("TwoStreamAttention: rotary positions by place are those of the same layer in PyTorch") {
    CHECK(support::matches_golden<TwoStreamAttention<2, two_modern>, Shape<14, 24>>("two_stream_attention_rotary"));
    CHECK(support::matches_golden<TwoStreamAttention<6, two_grid>, Shape<20, 48>>("two_stream_attention_grid"));
}

TEST_CASE("TwoStreamAttention: contents are CausalAttention of the contents alone, bit for bit") {
    const Fixture w;
    const auto x = support::numbers<float>(14 * width, 1);
    const auto y = forward(w, x);
    Tensor<float, Shape<7, 64>> alone{1};
    One::Cache cache;
    One::forward(w.one, View<const float, Shape<7, 64>>{x.data(), 1}, alone.view(), cache);
    CHECK(support::equal_values(alone.span(), std::span{y}.first(contents * width)));
}

TEST_CASE_TEMPLATE("TwoStreamAttention: rotated contents are CausalAttention's, with places in raster order or without",
                   O, Rotated<two_rotary>, Rotated<two_modern>, Rotated<grid_of_two>) {
    using Two = typename TwoStreamAttention<4, O::options>::template Bind<Shape<14, width>, float>;
    using Alone = typename CausalAttention<4, O::options>::template Bind<Shape<contents, width>, float>;
    typename Two::Params params;
    Rng rng{3};
    Two::init(params, rng);
    typename Two::Packed two;
    typename Alone::Packed one;
    Two::pack(params, two);
    Alone::pack(params, one);
    const auto x = support::numbers<float>(14 * width, 1);
    std::vector<std::uint32_t> raster;
    for (std::uint32_t i = 0; i < 14; ++i) raster.push_back(i % contents);
    Tensor<float, Shape<contents, width>> alone{1};
    typename Alone::Cache cache;
    Alone::forward(one, View<const float, Shape<contents, width>>{x.data(), 1}, alone.view(), cache);
    const auto run = [&](const std::uint32_t* places) {
        Tensor<float, Shape<14, width>> y{1};
        typename Two::Cache of_two;
        Two::begin(of_two, {.places = places});
        Two::forward(two, View<const float, Shape<14, width>>{x.data(), 1}, y.view(), of_two);
        return std::vector<float>(y.span().begin(), y.span().end());
    };
    const auto given = run(raster.data());
    CHECK(support::equal_values(alone.span(), std::span{given}.first(contents * width)));
    CHECK(support::equal_values(given, run(nullptr)));
    // a content's place changes what is read of it from there on, a query's place only its own row
    for (const std::size_t moved : {std::size_t{2}, contents + 2}) {
        auto places = raster;
        places[moved] = 6;
        const auto other = run(places.data());
        for (std::size_t r = 0; r < 14; ++r) {
            INFO("the place of row " << moved << " changed, row " << r);
            const bool reads = moved < contents ? r % contents >= 2 : r == moved;
            CHECK(std::ranges::equal(row(given, r), row(other, r)) != reads);
        }
    }
}

TEST_CASE("TwoStreamAttention: without places, steps rotate by the same positions as whole sequences, bit for bit") {
    using Two = TwoStreamAttention<4, two_modern>::Bind<Shape<14, width>, float>;
    Two::Params params;
    Rng rng{3};
    Two::init(params, rng);
    Two::Packed w;
    Two::pack(params, w);
    const auto x = support::numbers<float>(2 * 14 * width, 1);
    Tensor<float, Shape<14, width>> whole{2};
    Two::Cache cache;
    Two::begin(cache, {});
    Two::forward(w, View<const float, Shape<14, width>>{x.data(), 2}, whole.view(), cache);
    const Capacity capacity{.sequences = 2, .tokens = 14};
    Two::State state{capacity};
    Two::Scratch scratch{capacity};
    std::vector<float> y(2 * 14 * width);
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < 14; ++i) positions.push_back(i);
    const kernel::Worker alone;
    const Step at{.worker = alone, .sequences = 2, .tokens = 14, .positions = positions.data()};
    Two::step(w, {x.data(), 28}, {y.data(), 28}, state, scratch, at);
    CHECK(support::equal_values(whole.span(), y));
}

TEST_CASE("TwoStreamAttention: a query reads the contents up to its own and nothing of other queries") {
    const Fixture w;
    auto x = support::numbers<float>(14 * width, 1);
    const auto y = forward(w, x);
    for (std::size_t changed = 0; changed < 14; ++changed) {
        auto other = x;
        for (std::size_t c = 0; c < width; ++c) other[changed * width + c] += 1;
        const auto z = forward(w, other);
        for (std::size_t i = 0; i < contents; ++i) {
            INFO("row " << changed << " changed, index " << i);
            const auto check = [&](std::size_t r, bool reads) {
                if (reads)
                    CHECK_FALSE(std::ranges::equal(row(y, r), row(z, r)));
                else
                    CHECK(support::equal_values(row(y, r), row(z, r)));
            };
            check(i, changed < contents && changed <= i);
            // with one content to read, the weights do not depend on the query
            check(contents + i, changed < contents ? changed <= i : changed == contents + i && i > 0);
        }
    }
}

TEST_CASE("TwoStreamAttention: a query that equals its content gets what the content gets") {
    const Fixture w;
    auto x = support::numbers<float>(14 * width, 1);
    std::copy_n(x.begin(), contents * width, x.begin() + contents * width);
    const auto y = forward(w, x);
    CHECK(support::equal_values(std::span{y}.first(contents * width), std::span{y}.last(contents * width)));
}

TEST_CASE("TwoStreamAttention: many queries at one content in a step are those of forward, one by one") {
    const Fixture w;
    const auto x = support::numbers<float>(14 * width, 1), queries = support::numbers<float>(3 * width, 2);
    const Capacity capacity{.sequences = 1, .tokens = 5};
    Layer::State state{capacity};
    Layer::Scratch scratch{capacity};
    kernel::Worker alone;
    std::vector<float> y(5 * width), first(x.begin(), x.begin() + 2 * width);
    Step at{.worker = alone, .sequences = 1, .tokens = 2};
    Layer::step(w.two, {first.data(), 2}, {y.data(), 2}, state, scratch, at);
    // contents 2 and 3, then three queries that follow content 3
    std::vector<float> now(x.begin() + 2 * width, x.begin() + 4 * width);
    now.insert(now.end(), queries.begin(), queries.end());
    const std::vector<std::size_t> positions{2, 3, contents + 3, contents + 3, contents + 3};
    Step next{.worker = alone, .sequences = 1, .tokens = 5, .positions = positions.data()};
    Layer::step(w.two, {now.data(), 5}, {y.data(), 5}, state, scratch, next);
    for (std::size_t q = 0; q < 3; ++q) {
        auto whole = x;
        std::copy_n(queries.begin() + static_cast<std::ptrdiff_t>(q * width), width,
                    whole.begin() + (contents + 3) * width);
        CHECK(support::equal_values(row(forward(w, whole), contents + 3), row(y, 2 + q)));
    }
}

TEST_CASE("TwoStreamAttention: the names of the parameters are CausalAttention's") {
    CHECK(support::names_of(Layer::Params{}) ==
          std::vector<std::string>{"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"});
}
