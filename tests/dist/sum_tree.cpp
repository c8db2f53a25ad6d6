#include <tessera/dist/sum_tree.hpp>

#include "for_ranks.hpp"

#include <support/counting_allocator.hpp>

#include <cfenv>
#include <cmath>
#include <limits>
#include <vector>

using namespace tessera;
using support::run_ranks;
using support::ThreadCommunicator;

TEST_CASE("sum_tree: any number of ranks has the bits of one process that holds all groups, float") {
    support::for_ranks(support::contract::same_gradient<float, ThreadCommunicator>);
}

TEST_CASE("sum_tree: any number of ranks has the bits of one process that holds all groups, double") {
    support::for_ranks(support::contract::same_gradient<double, ThreadCommunicator>);
}

TEST_CASE("sum_tree: sets and ranges of floats, doubles and integers in one call") {
    support::for_ranks(support::contract::sums_of_all_kinds<ThreadCommunicator>);
}

TEST_CASE("sum_tree: adds rank r + stride to rank r") {
    const std::vector<float> x{1e8f, 1, -1e8f, 3, 5};
    const auto sums = run_ranks(5, [&](ThreadCommunicator& c) {
        dist::Message message;
        std::vector<float> sum{x[c.rank()]};
        dist::sum_tree(c, message, sum);
        return sum[0];
    });
    CHECK(sums == std::vector<float>(5, ((x[0] + x[1]) + (x[2] + x[3])) + x[4]));
    CHECK(sums[0] != (((x[0] + x[1]) + x[2]) + x[3]) + x[4]);
}

TEST_CASE("sum_tree: a value that is not finite on one rank is not finite on all") {
    const auto sums = run_ranks(3, [](ThreadCommunicator& c) {
        dist::Message message;
        std::vector<float> sum{c.rank() == 1 ? std::numeric_limits<float>::quiet_NaN() : 1.f};
        dist::sum_tree(c, message, sum);
        return sum[0];
    });
    for (const float sum : sums) CHECK(std::isnan(sum));
}

TEST_CASE("sum_tree: a host that rounds upwards gets the same bits") {
    const auto sums = run_ranks(2, [](ThreadCommunicator& c) {
        std::fesetround(FE_UPWARD);
        dist::Message message;
        std::vector<float> sum{c.rank() == 0 ? 1.f : 1e-9f};
        dist::sum_tree(c, message, sum);
        const int mode = std::fegetround();
        return std::vector<float>{sum[0], mode == FE_UPWARD ? 1.f : 0.f};
    });
    for (const auto& sum : sums) CHECK(sum == std::vector<float>{1, 1});
}

TEST_CASE("sum_tree: one message to each other rank and back, and no memory after the first call") {
    const auto grown = run_ranks(4, [](ThreadCommunicator& c) {
        dist::Message message;
        support::Weights<float> sum;
        std::vector<double> losses(2);
        dist::sum_tree(c, message, sum, losses);
        const std::size_t before = support::allocations();
        for (int again = 0; again < 5; ++again) dist::sum_tree(c, message, sum, losses);
        const std::size_t more = support::allocations() - before;
        // all others have sent everything when rank 0 is done
        if (c.rank() == 0 && (c.world().messages() != 36 || c.world().bytes() != 36 * message.bytes().size()))
            throw StateError(std::to_string(c.world().messages()) + " messages");
        return more;
    });
    CHECK(grown == std::vector<std::size_t>(4));
}
