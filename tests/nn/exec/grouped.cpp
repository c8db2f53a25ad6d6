#include <tessera/nn/exec/grouped.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/mismatch.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <vector>

using namespace tessera;
using nn::block_size;
using nn::group_size;
using nn::Grouped;

namespace {

constexpr std::size_t batches[] = {1, 5, 16, 17, 33, 100};

// Two leaves, one longer than the piece that one task sums.
template <class T>
struct TwoLeaves {
    Param<T, Shape<5>> small;
    Param<T, Shape<3, 3001>> large;

    template <class F, class... P>
    static void each(F&& f, P&... p) {
        f("small", p.small...);
        f("large", p.large...);
    }
};
struct Scratch {
    std::size_t uses = 0;
    std::atomic<bool> busy{false};

    Scratch() = default;
    Scratch(const Scratch&) {}
};

// The gradient of sample n: any function of n whose sum depends on the order in the last bits.
double of_sample(std::size_t n, std::size_t i) { return std::sin(static_cast<double>(n * 7 + i) * 0.37) * 1.1; }

template <class T>
void add_samples(std::size_t first, std::size_t count, TwoLeaves<T>& g) {
    for (std::size_t n = first; n < first + count; ++n)
        TwoLeaves<T>::each(
            [&](const Path&, auto& leaf) {
                for (std::size_t i = 0; i < leaf.span().size(); ++i) leaf[i] += static_cast<T>(of_sample(n, i));
            },
            g);
}

}  // namespace

TEST_CASE_TEMPLATE("Grouped: each sample is seen once, in blocks that belong to one group each", Size,
                   std::integral_constant<std::size_t, 4>, std::integral_constant<std::size_t, 16>) {
    constexpr std::size_t size = Size::value;
    static_assert(block_size == 4);
    support::Mismatch wrong;
    for (const std::size_t batch : batches) {
        using Groups = Grouped<Empty, Scratch, float, size>;
        Groups groups;
        Empty grad;
        std::vector<std::atomic<int>> seen(batch), block_seen(Groups::blocks(batch));
        std::atomic<bool> good{true};
        groups.run(batch, grad, [&](std::size_t first, std::size_t count, std::size_t block, Scratch&, Empty&) {
            for (std::size_t n = first; n < first + count; ++n) ++seen[n];
            if (block >= block_seen.size() || first != block * size || count == 0 || count > size ||
                first / group_size != (first + count - 1) / group_size)
                good = false;
            else
                ++block_seen[block];
        });
        for (std::size_t n = 0; n < batch; ++n)
            wrong.compare(1, seen[n].load(), "visits of sample ", n, ", batch = ", batch);
        for (std::size_t n = 0; n < block_seen.size(); ++n)
            wrong.compare(1, block_seen[n].load(), "visits of block ", n, ", batch = ", batch);
        wrong.require(good, "blocks inside their group, batch = ", batch);
    }
    CHECK(wrong.first() == "");
}

TEST_CASE_TEMPLATE("Grouped: adds the sum of all samples to the gradient", T, float, double) {
    double worst = 0;
    for (const std::size_t batch : batches) {
        Grouped<TwoLeaves<T>, Scratch, T> groups;
        TwoLeaves<T> grad;
        grad.small.fill(T(2));
        grad.large.fill(T(3));
        for (int again = 0; again < 2; ++again)  // the second run must not see what the first one left
            groups.run(batch, grad, [](std::size_t first, std::size_t count, std::size_t, Scratch&, TwoLeaves<T>& g) {
                add_samples<T>(first, count, g);
            });
        TwoLeaves<double> expected;
        expected.small.fill(2);
        expected.large.fill(3);
        for (int again = 0; again < 2; ++again) add_samples<double>(0, batch, expected);
        for (std::size_t i = 0; i < 5; ++i)
            worst = std::max(worst, std::abs(static_cast<double>(grad.small[i]) - expected.small[i]));
        for (std::size_t i = 0; i < 9003; ++i)
            worst = std::max(worst, std::abs(static_cast<double>(grad.large[i]) - expected.large[i]));
    }
    CHECK(worst < (sizeof(T) == 4 ? 1e-4 : 1e-12));
}

TEST_CASE("Grouped: one, two and three threads give the same bits") {
    for (const std::size_t batch : batches)
        CHECK(support::same_for_threads([&] {
            Grouped<TwoLeaves<float>, Scratch> groups;
            TwoLeaves<float> grad;
            groups.run(batch, grad,
                       [](std::size_t first, std::size_t count, std::size_t, Scratch&, TwoLeaves<float>& g) {
                           add_samples<float>(first, count, g);
                       });
            return support::hash_bits(grad);
        }));
}

TEST_CASE("Grouped: the block size changes no bit where samples are added in order") {
    const auto hash = []<std::size_t size>(std::integral_constant<std::size_t, size>) {
        Grouped<TwoLeaves<float>, Scratch, float, size> groups;
        TwoLeaves<float> grad;
        groups.run(33, grad, [](std::size_t first, std::size_t count, std::size_t, Scratch&, TwoLeaves<float>& g) {
            add_samples<float>(first, count, g);
        });
        return support::hash_bits(grad);
    };
    CHECK(hash(std::integral_constant<std::size_t, block_size>{}) ==
          hash(std::integral_constant<std::size_t, group_size>{}));
}

TEST_CASE("Grouped: a scratch is used by one task at a time") {
    const bool alone = support::with_threads(3, [] {
        Grouped<Empty, Scratch> groups;
        Empty grad;
        std::atomic<bool> good{true};
        for (int again = 0; again < 20; ++again)
            groups.run(100, grad, [&](std::size_t, std::size_t, std::size_t, Scratch& s, Empty&) {
                if (s.busy.exchange(true)) good = false;
                ++s.uses;
                s.busy = false;
            });
        std::size_t uses = 0;
        for (const Scratch& s : groups.scratch()) uses += s.uses;
        return good && uses == 20 * Grouped<Empty, Scratch>::blocks(100) && groups.scratch().size() <= 3;
    });
    CHECK(alone);
}

TEST_CASE("Grouped: nothing is allocated after the first run of the largest batch") {
    Grouped<TwoLeaves<float>, Scratch> groups;
    TwoLeaves<float> grad;
    const auto run = [&](std::size_t batch) {
        groups.run(batch, grad, [](std::size_t first, std::size_t count, std::size_t, Scratch&, TwoLeaves<float>& g) {
            add_samples<float>(first, count, g);
        });
    };
    run(100);
    const std::size_t before = support::allocations();
    for (const std::size_t batch : batches) run(batch);
    CHECK(support::allocations() == before);
}

TEST_CASE("Grouped: an exception of a block reaches the caller, and the gradient is untouched") {
    Grouped<TwoLeaves<float>, Scratch> groups;
    TwoLeaves<float> grad;
    grad.small.fill(2);
    const auto run = [&] {
        groups.run(40, grad, [](std::size_t first, std::size_t count, std::size_t, Scratch&, TwoLeaves<float>& g) {
            add_samples<float>(first, count, g);
            if (first == 20) throw std::runtime_error("block");
        });
    };
    CHECK_THROWS_AS(run(), std::runtime_error);
    CHECK(grad.small[3] == 2);
}

TEST_CASE("for_groups: each sample is seen once, and groups are numbered in order") {
    support::Mismatch wrong;
    for (const std::size_t samples : {0u, 1u, 16u, 17u, 100u}) {
        std::vector<Scratch> scratch;
        std::vector<std::atomic<int>> seen(samples);
        std::atomic<bool> good{true};
        nn::for_groups(samples, scratch, [&](std::size_t first, std::size_t count, std::size_t block, Scratch&) {
            for (std::size_t n = first; n < first + count; ++n) ++seen[n];
            if (first != block * group_size) good = false;
        });
        for (std::size_t n = 0; n < samples; ++n)
            wrong.compare(1, seen[n].load(), "visits of sample ", n, " of ", samples);
        wrong.require(good, "blocks begin at multiples of the group's size, samples = ", samples);
    }
    CHECK(wrong.first() == "");
}
