#pragma once
// Bridge: learning policy of a Codebook: the vectors are the rows of a table after a small net, so that every vector
// moves in each step.
//
//     e = net(table), row by row;   the vectors' gradient reaches the net, and with it all of them
//                                          (after Chang et al. 2025, arXiv:2509.10140, whose net also mixes the rows)
//
//     Codebook<1024, vq::Bridge<nn::Residual<nn::Linear<128>, nn::Gelu, nn::Linear<64>>>>
//
// `Layers` are the specs of a Chain from rows of D elements to rows of D elements. The table is learned, too; that of
// vq::SimVq is fixed. After training the net is no longer needed: the vectors e are in the `codes.weight` of a packed
// quantizer, and a Codebook with vq::Fixed can hold them.
//
// Vectors that too few rows choose move onto rows of the batch, as with vq::Gradient (CodebookOptions::revive): what
// moves is the row of the table, to where the net gives nearly the row of the batch (vq/detail/table_search.hpp), and
// all other vectors stay. On the bundled digits (small nets of examples/digits, the net Residual<Linear<64>, Gelu,
// Linear<32>>, three epochs) 100 % of 256 vectors are in use, 19.3 dB (vq::Ema 21.4 dB); without revival, and with a
// commitment of 0.25, 4 % were.
//
// Params   those of the net "codebook.map.<i>....", initialised by its layers; "codebook.table" [K, D], N(0, 1 / D), in
//          the parameters where it is learned, in the buffers where it is fixed; buffers "codebook.count" [K], 1, and
//          "codebook.grace" [K], 0
// Errors   static_assert where the net does not give as many elements as it takes
// Cost     the net for K rows in each packing, on one thread; for the rows of a block again, forward and backward;
//          where vectors are dead, 11 times forward and 10 times backward for as many rows, at most 512

#include <tessera/core/batch_part.hpp>
#include <tessera/core/fp_environment.hpp>
#include <tessera/core/param.hpp>
#include <tessera/core/param_path.hpp>
#include <tessera/core/rng.hpp>
#include <tessera/core/tensor.hpp>
#include <tessera/core/token.hpp>
#include <tessera/kernel/elementwise.hpp>
#include <tessera/kernel/simd/simd.hpp>
#include <tessera/nn/chain.hpp>
#include <tessera/nn/layer.hpp>
#include <tessera/vq/codebook_options.hpp>
#include <tessera/vq/codebook_statistics.hpp>
#include <tessera/vq/detail/table_search.hpp>
#include <tessera/vq/policy/policies.hpp>
#include <tessera/vq/revive.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI::vq {

namespace detail {

template <class Leaf, bool Held>
struct TableOf {
    template <class F, class... P>
    static void each(F&&, P&...) {}
};
template <class Leaf>
struct TableOf<Leaf, true> {
    Leaf table;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("table", p.table...);
    }
};

}  // namespace detail

template <std::size_t K, std::size_t D, nn::Layer Net, bool TableLearns>
struct BridgedVectors {
    using T = typename Net::Scalar;
    using Row = Shape<D>;
    static_assert(std::same_as<typename Net::Input, Row> && std::same_as<typename Net::Output, Row>,
                  "Bridge: the net must give rows of as many elements as it takes");
    static constexpr bool by_gradient = true, averages = false, revives = true, initializes = false;
    using Statistics = CodebookStatistics<K, D, T>;
    struct Params {
        typename Net::Params net;
        detail::TableOf<Param<T, Shape<K, D>>, TableLearns> learned;

        template <class F, class... P>
        static void each(F&& f, P&... p) {
            auto inner = with_prefix("codebook", f);
            Net::Params::each(with_prefix("map", inner), p.net...);
            detail::TableOf<Param<T, Shape<K, D>>, TableLearns>::each(inner, p.learned...);
        }
    };
    struct Buffers {
        detail::TableOf<Param<T, Shape<K, D>>, !TableLearns> fixed;
        Param<T, Shape<K>> count, grace;

        template <class F, class... B>
        static void each(F&& f, B&... b) {
            auto inner = with_prefix("codebook", f);
            detail::TableOf<Param<T, Shape<K, D>>, !TableLearns>::each(inner, b.fixed...);
            inner("count", b.count...);
            inner("grace", b.grace...);
        }
    };
    using Search = detail::TableSearch<Net, D>;
    struct Packed {
        nn::Weights<Net> net;
        Buffer<T> table;
        typename Net::Cache cache;  // of `vectors`
        std::size_t dead = 0;       // vectors that the next update may revive
    };
    struct Cache {
        typename Net::Cache net;
        Tensor<T, Row> rows, e, de, d_rows;
        Search search;  // of `observe`
    };

    static void init(Params& params, Buffers& buffers, Rng& rng) {
        Net::init(params.net, rng);
        const double deviation = 1 / std::sqrt(static_cast<double>(D));
        for (T& v : table(params, buffers).span()) v = static_cast<T>(deviation * static_cast<double>(rng.normal()));
        buffers.count.fill(T(1));
    }
    static void vectors(const Params& params, const Buffers& buffers, const CodebookOptions& options, Packed& w,
                        std::span<T> e) {
        w.dead = count_dead<K>(buffers.count, buffers.grace, options.revive);
        nn::pack<Net>(params.net, w.net);
        const auto source = table(params, buffers).span();
        w.table.assign(source.begin(), source.end());
        nn::begin<Net>(w.cache, {});
        for (std::size_t k = 0; k < K; k += piece) {
            const std::size_t count = (std::min)(piece, K - k);
            Net::forward(w.net, View<const T, Row>{w.table.data() + k * D, count},
                         View<T, Row>{e.data() + k * D, count}, w.cache);
        }
    }
    static void add_gradient(const Packed& w, std::span<const Token> tokens, std::span<const T> de, Cache& c,
                             Params& grad) {
        const std::size_t rows = tokens.size();
        c.rows.resize(rows);
        c.e.resize(rows);
        c.de.resize(rows);
        c.d_rows.resize(rows);
        for (std::size_t m = 0; m < rows; ++m) {
            if (tokens[m] == no_token) {
                std::fill_n(c.rows.data() + m * D, D, T(0));
                std::fill_n(c.de.data() + m * D, D, T(0));
            } else {
                std::copy_n(w.table.data() + std::size_t{tokens[m]} * D, D, c.rows.data() + m * D);
                std::copy_n(de.data() + m * D, D, c.de.data() + m * D);
            }
        }
        nn::begin<Net>(c.net, {});
        Net::forward(w.net, std::as_const(c.rows), c.e.view(), c.net);
        Net::backward(w.net, std::as_const(c.rows), std::as_const(c.e), std::as_const(c.de), c.d_rows.view(), c.net,
                      grad.net);
        if constexpr (TableLearns)
            for (std::size_t m = 0; m < rows; ++m) {
                if (tokens[m] == no_token) continue;
                const std::span<T> row{grad.learned.table.data() + std::size_t{tokens[m]} * D, D};
                kernel::add<T>(row, std::span<const T>{c.d_rows.data() + m * D, D}, row);
            }
    }
    // A candidate is a row of the table, found by a search that begins at that of the vector which the row of the batch
    // has chosen; only as many as there are dead vectors are searched.
    static void observe(const Packed& w, std::span<const T> x, std::span<const Token> tokens, std::size_t per_sample,
                        const BatchPart& part, Rng rng, bool revives_now, Cache& cache, Statistics& statistics) {
        for (const Token k : tokens)
            if (k != no_token) statistics.n[k] += T(1);
        if (!revives_now) return;
        with_fp_environment([&] {
            Search& search = cache.search;
            if (search.is_empty()) search.reserve(w.net);  // so that no later call allocates
            static_assert(Statistics::places <= Search::most);
            std::array<std::size_t, Search::most> places;
            std::size_t count = 0;
            Statistics::draw_rows(tokens, per_sample, part, rng, w.dead, [&](std::size_t place, std::size_t row) {
                std::copy_n(x.data() + row * D, D, search.x.data() + count * D);
                std::copy_n(w.table.data() + std::size_t{tokens[row]} * D, D, search.t.data() + count * D);
                places[count++] = place;
            });
            if (count > 0) search.run(w.net, count);
            for (std::size_t m = 0; m < count; ++m) {
                statistics.present[places[m]] += T(1);
                const std::span<T> to{statistics.candidates.data() + places[m] * D, D};
                kernel::add<T>(to, std::span<const T>{search.best.data() + m * D, D}, to);
            }
        });
    }
    static void update(Params& params, Buffers& buffers, const Statistics& statistics, const CodebookOptions& options) {
        if (!has_rows(statistics)) return;
        const T keep = static_cast<T>(options.ema.decay);
        for (std::size_t k = 0; k < K; ++k)
            buffers.count[k] = kernel::simd::fma<T>(keep, buffers.count[k], (T(1) - keep) * statistics.n[k]);
        Book book{table(params, buffers), buffers.count, buffers.grace};
        revive(book, statistics, options.revive);
    }
    static void initialize_from_data(Params&, Buffers&, std::span<const T>, const CodebookOptions&, Rng) {}
    static bool optional_in_file(std::string_view leaf) { return leaf == "codebook.count" || leaf == "codebook.grace"; }
    static void fill_missing(Params&, Buffers& buffers, std::span<const std::string> missing) noexcept {
        if (std::ranges::find(missing, "codebook.count") != missing.end()) buffers.count.fill(T(1));
        if (std::ranges::find(missing, "codebook.grace") != missing.end()) buffers.grace.fill(T(0));
    }

private:
    static constexpr std::size_t piece = 512;  // rows whose caches are in memory at a time

    struct Book {  // what `revive` moves
        static constexpr std::size_t codes = K, width = D;
        Param<T, Shape<K, D>>& weight;
        Param<T, Shape<K>>& count;
        Param<T, Shape<K>>& grace;

        void place(std::size_t k, const T* row, T history) {
            std::copy_n(row, D, weight.data() + k * D);
            count[k] = history;
        }
    };

    template <class P, class B>
    static auto& table(P& params, B& buffers) {
        if constexpr (TableLearns)
            return params.learned.table;
        else
            return buffers.fixed.table;
    }
};

template <class... Layers>
struct Bridge {
    using category = LearningPolicy;
    template <std::size_t K, std::size_t D, std::floating_point T>
    using Of = BridgedVectors<K, D, nn::BasicChain<T, Shape<D>, Layers...>, true>;
};

}  // namespace tessera::vq
