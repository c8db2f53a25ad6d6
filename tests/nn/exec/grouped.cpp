#include <tessera/nn/exec/grouped.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/counting_allocator.hpp>
#include <support/larger.hpp>
#include <support/mismatch.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
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

template <class Leaf>
void add_to_leaf(std::size_t first, std::size_t count, Leaf& leaf) {
    for (std::size_t n = first; n < first + count; ++n)
        for (std::size_t i = 0; i < leaf.span().size(); ++i)
            leaf[i] += static_cast<std::remove_reference_t<decltype(leaf[i])>>(of_sample(n, i));
}
template <class T>
void add_samples(std::size_t first, std::size_t count, TwoLeaves<T>& g) {
    TwoLeaves<T>::each([&](const ParamPath&, auto& leaf) { add_to_leaf(first, count, leaf); }, g);
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
            worst = support::larger(worst, std::abs(static_cast<double>(grad.small[i]) - expected.small[i]));
        for (std::size_t i = 0; i < 9003; ++i)
            worst = support::larger(worst, std::abs(static_cast<double>(grad.large[i]) - expected.large[i]));
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

TEST_CASE("Grouped: threads that share a group add in the order of its blocks") {
    for (const std::size_t batch : batches)
        for (const std::size_t block : {std::size_t{1}, std::size_t{2}, block_size}) {
            const auto hash = [&](std::size_t threads) {
                return support::with_threads(threads, [&] {
                    Grouped<TwoLeaves<float>, Scratch> groups;
                    TwoLeaves<float> grad;
                    std::atomic<bool> alone{true};
                    for (int again = 0; again < 3; ++again)
                        groups.run(
                            batch, grad,
                            [&](std::size_t first, std::size_t count, std::size_t, Scratch& s, TwoLeaves<float>& g,
                                nn::BlockOrder* order) {
                                if (s.busy.exchange(true)) alone = false;
                                TwoLeaves<float>::each(  // each leaf is the gradient of a layer
                                    [&](const ParamPath&, auto& leaf) {
                                        nn::in_order(order, [&] { add_to_leaf(first, count, leaf); });
                                    },
                                    g);
                                s.busy = false;
                            },
                            block);
                    REQUIRE(alone);
                    return support::hash_bits(grad);
                });
            };
            const auto expected = hash(1);
            for (const std::size_t threads :
                 {std::size_t{2}, std::size_t{3}, std::size_t{5}, std::size_t{16}, std::size_t{64}}) {
                CAPTURE(batch);
                CAPTURE(block);
                CAPTURE(threads);
                CHECK(hash(threads) == expected);
            }
        }
}

TEST_CASE("Grouped: shared groups are cut down to a unit where the threads would not have a block each") {
    constexpr std::size_t block = 16, unit = 4;
    // calls of f for 64 samples: four groups; 3 threads take one each and share the last
    const std::size_t threads_of[] = {1, 2, 3, 4, 8, 16, 64}, calls_of[] = {4, 4, 7, 4, 8, 16, 16};
    const auto run = [&](std::size_t batch, std::size_t threads) {
        return support::with_threads(threads, [&] {
            Grouped<TwoLeaves<float>, Scratch> groups;
            TwoLeaves<float> grad;
            std::atomic<std::size_t> calls{0};
            std::vector<std::size_t> indices(batch, batch);
            groups.run(
                batch, grad,
                [&](std::size_t first, std::size_t count, std::size_t index, Scratch&, TwoLeaves<float>& g,
                    nn::BlockOrder* order) {
                    ++calls;
                    for (std::size_t n = 0; n < count; ++n) indices[first + n] = index + n / unit;
                    TwoLeaves<float>::each(
                        [&](const ParamPath&, auto& leaf) {
                            nn::in_order(order, [&] { add_to_leaf(first, count, leaf); });
                        },
                        g);
                },
                block, unit);
            support::Mismatch wrong;
            for (std::size_t n = 0; n < batch; ++n)
                wrong.compare(n / unit, indices[n], "unit of sample ", n, ", batch ", batch, ", threads ", threads);
            CHECK(wrong.first() == "");
            return std::pair{support::hash_bits(grad), calls.load()};
        });
    };
    for (std::size_t i = 0; i < std::size(threads_of); ++i) {
        CAPTURE(threads_of[i]);
        CHECK(run(64, threads_of[i]).second == calls_of[i]);
    }
    for (const std::size_t batch : batches) {
        const auto expected = run(batch, 1).first;
        for (const std::size_t threads : threads_of) {
            CAPTURE(batch);
            CAPTURE(threads);
            CHECK(run(batch, threads).first == expected);
        }
    }
}

TEST_CASE("Grouped: a block that throws does not stop the threads that wait for it") {
    support::with_threads(4, [] {
        Grouped<TwoLeaves<float>, Scratch> groups;
        for (const std::size_t bad : {0, 4, 12}) {
            TwoLeaves<float> grad;
            grad.small.fill(2);
            CHECK_THROWS_AS(groups.run(16, grad,
                                       [&](std::size_t first, std::size_t count, std::size_t, Scratch&,
                                           TwoLeaves<float>& g, nn::BlockOrder* order) {
                                           for (int layer = 0; layer < 3; ++layer)
                                               nn::in_order(order, [&] {
                                                   add_samples<float>(first, count, g);
                                                   if (first == bad && layer == 1) throw std::runtime_error("block");
                                               });
                                       }),
                            std::runtime_error);
            CHECK(grad.small[3] == 2);
        }
        return 0;
    });
}

TEST_CASE("Grouped: small batches make four blocks where they can") {
    using Four = Grouped<Empty, Scratch>;
    using Sixteen = Grouped<Empty, Scratch, float, 16>;
    const std::size_t samples[] = {0, 1, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 1000};
    const std::size_t of_four[] = {1, 1, 1, 1, 1, 2, 2, 4, 4, 4, 4, 4, 4};
    const std::size_t of_sixteen[] = {1, 1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 16, 16};
    for (std::size_t i = 0; i < std::size(samples); ++i) {
        CAPTURE(samples[i]);
        CHECK(Four::block_of(samples[i]) == of_four[i]);
        CHECK(Sixteen::block_of(samples[i]) == of_sixteen[i]);
    }
    CHECK(Four::blocks(17, 2) == 9);
}

TEST_CASE("Grouped: a block that does not divide a group is refused") {
    Grouped<Empty, Scratch> groups;
    Empty grad;
    std::atomic<int> calls{0};
    const auto count = [&](std::size_t, std::size_t, std::size_t, Scratch&, Empty&) { ++calls; };
    for (const std::size_t block :
         {std::size_t{0}, std::size_t{3}, std::size_t{17}, std::size_t{32}, static_cast<std::size_t>(-1)})
        CHECK_THROWS_WITH_AS(groups.run(20, grad, count, block),
                             ("Grouped: block: expected a divisor of 16, got " + std::to_string(block)).c_str(),
                             ArgumentError);
    CHECK_THROWS_WITH_AS(groups.run(20, grad, count, 8, 3), "Grouped: unit: expected a divisor of 8, got 3",
                         ArgumentError);
    CHECK(calls == 0);
    groups.run(20, grad, count, 16);
    CHECK(calls == 2);
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
