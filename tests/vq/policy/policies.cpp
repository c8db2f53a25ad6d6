#include <tessera/vq/policy/policies.hpp>

#include "policy_case.hpp"

#include <doctest/doctest.h>
#include <support/contract.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

using namespace tessera;
using namespace policy_test;

namespace policies_test {

// A learning policy of a user: after each update a vector is the mean of the rows of this batch that chose it.
template <std::size_t K, std::size_t D, class T>
struct MeansOfBatch {
    static constexpr bool by_gradient = false, averages = false, revives = false, initializes = false;
    using Params = Empty;
    using Packed = Empty;
    using Cache = Empty;
    struct Buffers {
        Param<T, Shape<K, D>> weight;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            f("weight", b.weight...);
        }
    };
    struct Statistics {
        Param<T, Shape<K>> n;
        Param<T, Shape<K, D>> sum;

        template <class F, class... S>
        static void each(F&& f, S&... s) {
            f("n", s.n...);
            f("sum", s.sum...);
        }
    };

    static void init(Params&, Buffers& buffers, Rng& rng) {
        for (T& v : buffers.weight.span()) v = static_cast<T>(rng.normal());
    }
    static void vectors(const Params&, const Buffers& buffers, const CodebookOptions&, Packed&, std::span<T> e) {
        for (std::size_t i = 0; i < e.size(); ++i) e[i] = buffers.weight[i];
    }
    static void observe(const Packed&, std::span<const T> x, std::span<const Token> chosen, std::size_t,
                        const BatchPart&, Rng, bool, Cache&, Statistics& statistics) {
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            if (chosen[i] == no_token) continue;
            statistics.n[chosen[i]] += 1;
            for (std::size_t d = 0; d < D; ++d) statistics.sum[chosen[i] * D + d] += x[i * D + d];
        }
    }
    static void update(Params&, Buffers& buffers, const Statistics& statistics, const CodebookOptions&) {
        for (std::size_t k = 0; k < K; ++k)
            for (std::size_t d = 0; d < D && statistics.n[k] > 0; ++d)
                buffers.weight[k * D + d] = statistics.sum[k * D + d] / statistics.n[k];
    }
    static void initialize_from_data(Params&, Buffers&, std::span<const T>, const CodebookOptions&, Rng) {}
    static bool optional_in_file(std::string_view) { return false; }
    static void fill_missing(Params&, Buffers&, std::span<const std::string>) noexcept {}
};
struct BatchMeans {
    using category = vq::LearningPolicy;
    template <std::size_t K, std::size_t D, class T>
    using Of = MeansOfBatch<K, D, T>;
};

TEST_CASE("Policies: a learning policy of a user's own keeps the contract of quantizers") {
    CHECK(support::keeps_quantizer_contract<Codebook<16, BatchMeans>, Shape<3, 3, 4>>());
}

TEST_CASE("Policies: a learning policy of a user's own moves the vectors") {
    using Q = PolicyCase<Codebook<codes, BatchMeans>, float>::Q;
    PolicyCase<Codebook<codes, BatchMeans>, float> c;
    Q::Statistics statistics;
    c.forward();
    Q::observe(c.w, std::as_const(c.z), std::as_const(c.tokens), BatchPart::whole(rows), Rng{1}, c.cache, statistics);
    Q::update(c.params, c.buffers, statistics, c.options);
    const std::size_t first = c.tokens.span()[0];
    float sum = 0, n = 0;
    for (std::size_t i = 0; i < c.tokens.span().size(); ++i)
        if (c.tokens.span()[i] == first) {
            sum += c.z.span()[i * width];
            ++n;
        }
    CHECK(c.buffers.weight[first * width] == sum / n);
}

}  // namespace policies_test
