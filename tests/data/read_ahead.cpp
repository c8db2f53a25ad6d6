#include <tessera/data/read_ahead.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>

#include <tessera/data/batches.hpp>
#include <tessera/data/data_position.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace tessera;
using support::message;

namespace {

// Example i is i, i + 1/2; it takes a while, and 13 and `broken` fail.
struct Slow {
    using Example = View<const float, Shape<2>>;
    std::size_t count = 40;
    std::size_t broken = ~std::size_t{0};
    mutable std::atomic<int> copies{0}, here{0};
    std::thread::id home = std::this_thread::get_id();

    std::size_t size() const { return count; }
    void copy(std::size_t i, std::span<float, 2> to) const {
        std::this_thread::sleep_for(std::chrono::microseconds{50 * (i % 3)});
        ++copies;
        if (std::this_thread::get_id() == home) ++here;
        if (i == broken) throw DataError("example " + std::to_string(i));
        to[0] = static_cast<float>(i);
        to[1] = static_cast<float>(i) + 0.5f;
    }
    bool labelled() const { return true; }
    Label label(std::size_t i) const { return Label{static_cast<std::uint32_t>(i % 7)}; }
};

template <class D>
std::vector<float> all(const D& set, std::size_t size, const BatchOptions& options) {
    std::vector<float> values;
    for (auto&& batch : batches(set, size, options)) {
        values.insert(values.end(), batch.x.data(), batch.x.data() + batch.x.elements());
        for (const Label label : batch.labels) values.push_back(static_cast<float>(label.index));
    }
    return values;
}

}  // namespace

static_assert(data::LabelledDataset<data::ReadAhead<Slow>> && data::ExpectingDataset<data::ReadAhead<Slow>>);
static_assert(!data::ExpectingDataset<Slow>);

TEST_CASE("ReadAhead: the order and bits of the dataset, with any number of threads, batch and share") {
    const Slow slow;
    for (const std::size_t threads : std::vector<std::size_t>{1, 2, 3}) {
        const data::ReadAhead ahead{slow, {.threads = threads}};
        CHECK((ahead.size() == 40 && ahead.labelled() && ahead.label(8) == Label{1}));
        for (const std::size_t size : std::vector<std::size_t>{1, 7, 16, 40, 64})
            for (const bool shuffle : {false, true})
                for (const bool drop_last : {false, true}) {
                    if (drop_last && size > 40) continue;
                    const BatchOptions options{.shuffle = shuffle, .drop_last = drop_last, .rng = Rng{size}};
                    CAPTURE(size);
                    CHECK(all(ahead, size, options) == all(slow, size, options));
                }
        const BatchOptions second{.rng = Rng{4}, .first = 1, .rank = 1, .ranks = 2};
        CHECK(all(ahead, 32, second) == all(slow, 32, second));
    }
}

TEST_CASE("ReadAhead: each example is copied once, mostly by other threads, a batch ahead") {
    const Slow slow;
    const data::ReadAhead ahead{slow, {.threads = 2}};
    Rng rng{1};
    int first = 0;
    for (auto&& batch : batches(ahead, 10, rng)) {
        // a training step, as long as the next batch takes; 20 s if nothing reads ahead
        const int expected = static_cast<int>(std::min<std::size_t>(40, 10 * (batch.index + 2)));
        for (int i = 0; i < 4000 && slow.copies < expected; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        if (batch.index == 0) first = slow.copies;
    }
    CHECK(slow.copies == 40);
    CHECK(first == 20);      // the second batch, while the first one was trained on
    CHECK(slow.here <= 10);  // of the first batch, for which nothing was ready
}

TEST_CASE("ReadAhead: a loop that ends early, and a second loop") {
    const Slow slow;
    const data::ReadAhead ahead{slow, {.threads = 3}};
    for (int loop = 0; loop < 3; ++loop)
        for (auto&& batch : batches(ahead, 8, {.shuffle = false})) {
            CHECK(batch.x[0][0] == static_cast<float>(8 * batch.index));
            if (batch.index == 1) break;
        }
    float alone[2];
    ahead.copy(17, std::span<float, 2>{alone});
    CHECK((alone[0] == 17 && alone[1] == 17.5f));
}

TEST_CASE("ReadAhead: an exception of a thread is thrown where its example is taken, and the loop may continue") {
    Slow slow;
    slow.broken = 21;
    const data::ReadAhead ahead{slow, {.threads = 2}};
    std::size_t seen = 0;
    CHECK(message<DataError>([&] {
              for (auto&& batch : batches(ahead, 4, {.shuffle = false})) {
                  std::this_thread::sleep_for(std::chrono::milliseconds{3});
                  seen += batch.size();
              }
          }) == "example 21");
    CHECK(seen == 20);
    slow.broken = 99;
    CHECK(all(ahead, 4, {.shuffle = false}) == all(slow, 4, {.shuffle = false}));
    CHECK(message<ArgumentError>([&] {
              data::ReadAhead none{slow, {.threads = 0}};
          }) == "ReadAhead: threads: expected at least 1, got 0");
}

TEST_CASE("ReadAhead: a failed expect changes nothing") {
    const Slow slow;
    const data::ReadAhead ahead{slow, {.threads = 1}};
    const std::vector<std::size_t> indices{1, 2, 3};
    ahead.expect(indices);
    for (int i = 0; i < 4000 && slow.copies < 3; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{5});
    const std::span<const std::size_t> too_many{indices.data(), std::size_t{1} << 60};
    CHECK(!message<std::length_error>([&] { ahead.expect(too_many); }).empty());
    float pair[2];
    for (const std::size_t i : indices) {
        ahead.copy(i, std::span<float, 2>{pair});
        CHECK(pair[0] == static_cast<float>(i));
    }
    CHECK(slow.copies == 3);  // each was kept
}

TEST_CASE("ReadAhead: a resumed pass has the rest of the order") {
    const Slow slow;
    const data::ReadAhead ahead{slow, {.threads = 2}};
    Rng a{9}, b{9};
    DataPosition whole{a}, stopped{b};
    std::vector<float> expected, got;
    const auto add = [](std::vector<float>& to, const auto& batch) {
        to.insert(to.end(), batch.x.data(), batch.x.data() + batch.x.elements());
    };
    for (auto&& batch : batches(slow, 6, whole)) add(expected, batch);
    for (auto&& batch : batches(ahead, 6, stopped)) {
        add(got, batch);
        if (batch.index == 2) break;
    }
    CHECK(stopped.next() == 3);
    for (auto&& batch : batches(ahead, 6, stopped)) add(got, batch);
    CHECK(got == expected);
}
