#include <tessera/kernel/attention/attention_lanes.hpp>

#include <doctest/doctest.h>
#include <support/larger.hpp>
#include <support/numbers.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace attention = tessera::kernel::attention;
using attention::QueryIndex;

TEST_CASE("attention lanes: blocks end at the last query and cover each query once") {
    for (std::size_t tokens = 1; tokens < 4 * attention::block_lanes; ++tokens) {
        std::size_t next = 0;
        for (std::size_t i = 0; i < attention::block_count(tokens); ++i) {
            const attention::Block b(tokens, i);
            CHECK(b.begin == next);
            CHECK(b.end > b.begin);
            CHECK(b.lane(b.end - 1) == attention::block_lanes - 1);
            next = b.end;
        }
        CHECK(next == tokens);
    }
}

TEST_CASE("attention lanes: the softmax of each lane is over the keys that its query sees") {
    // a block that begins before the first query, at it, and behind it; keys in one run and in two
    for (const QueryIndex first : {-QueryIndex{attention::block_lanes} + 1, -QueryIndex{attention::W}, QueryIndex{-1},
                                   QueryIndex{0}, QueryIndex{21}}) {
        const auto end = static_cast<std::size_t>(first + QueryIndex{attention::block_lanes});
        for (const std::size_t cut : {end, end / 2}) {
            const auto scores = support::numbers<float>(end * attention::block_lanes, 1);
            auto s = scores;
            std::vector<float> largest(attention::block_lanes, -std::numeric_limits<float>::infinity()),
                sum(attention::block_lanes);
            attention::find_largest(s.data(), first, 0, cut, largest.data());
            attention::find_largest(s.data() + cut * attention::block_lanes, first, cut, end, largest.data());
            attention::exp_and_sum(s.data(), first, 0, cut, largest.data(), sum.data());
            attention::exp_and_sum(s.data() + cut * attention::block_lanes, first, cut, end, largest.data(),
                                   sum.data());
            double worst = 0;
            for (std::size_t lane = 0; lane < attention::block_lanes; ++lane) {
                const QueryIndex query = first + static_cast<QueryIndex>(lane);
                if (query < 0) continue;
                float m = -std::numeric_limits<float>::infinity();
                double total = 0;
                for (std::size_t k = 0; static_cast<QueryIndex>(k) <= query; ++k)
                    m = std::max(m, scores[k * attention::block_lanes + lane]);
                CHECK(largest[lane] == m);
                for (std::size_t k = 0; k < end; ++k) {
                    const double seen = static_cast<QueryIndex>(k) <= query ? 1 : 0;
                    const double e = seen * std::exp2(static_cast<double>(scores[k * attention::block_lanes + lane]) -
                                                      static_cast<double>(m));
                    worst =
                        support::larger(worst, std::abs(e - static_cast<double>(s[k * attention::block_lanes + lane])));
                    total += e;
                }
                worst = support::larger(worst, std::abs(total - static_cast<double>(sum[lane])) / total);
            }
            CHECK(worst < 1e-6);
        }
    }
}
