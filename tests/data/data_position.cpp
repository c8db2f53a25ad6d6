#include <tessera/data/batches.hpp>
#include <tessera/data/data_position.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/io/weights.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace tessera;
using support::message;

namespace data_position_test {

namespace {

using Numbers = data::Tokens<1>;

Numbers numbers(std::size_t n) {
    std::vector<Token> tokens(n);
    for (std::size_t i = 0; i < n; ++i) tokens[i] = static_cast<Token>(i);
    return Numbers{tokens};
}

/// The first token of each batch of `passes` passes; `save(batches so far)` after each one.
template <class Save>
std::vector<Token> run(const Numbers& set, DataPosition& position, std::uint64_t passes, Save save) {
    std::vector<Token> seen;
    while (position.passes() < passes)
        for (auto&& batch : batches(set, 4, position)) {
            seen.push_back(batch.x.data()[0]);
            save(seen.size());
        }
    return seen;
}
const auto no_save = [](std::size_t) {};

template <class D>
concept Batchable = requires(D&& dataset, DataPosition& position) {
    batches(std::forward<D>(dataset), std::size_t{2}, position);
};
static_assert(Batchable<const Numbers&>);
static_assert(!Batchable<Numbers>, "a temporary dataset would dangle");

}  // namespace

TEST_CASE("DataPosition: counts batches and passes, and each pass has a new order") {
    const Numbers set = numbers(10);
    Rng rng{3};
    DataPosition position{rng};
    CHECK(rng.position() == 1);
    std::vector<std::uint64_t> next, passes;
    const auto seen = run(set, position, 2, [&](std::size_t) {
        next.push_back(position.next());
        passes.push_back(position.passes());
    });
    CHECK(next == std::vector<std::uint64_t>{1, 2, 0, 1, 2, 0});
    CHECK(passes == std::vector<std::uint64_t>{0, 0, 1, 1, 1, 2});
    CHECK(std::vector<Token>{seen.begin(), seen.begin() + 3} != std::vector<Token>{seen.begin() + 3, seen.end()});
    Rng same{3};
    DataPosition again{same};
    CHECK(run(set, again, 2, no_save) == seen);
}

TEST_CASE("DataPosition: saved after any batch and loaded elsewhere, the pass continues in the same order") {
    const Numbers set = numbers(10);
    Rng rng{3}, other{99};
    DataPosition position{rng};
    std::vector<Bytes> saved;
    const auto whole = run(set, position, 3, [&](std::size_t) { saved.push_back(io::collect(position).bytes()); });
    REQUIRE(saved.size() == 9);
    for (std::size_t done = 1; done <= saved.size(); ++done) {
        CAPTURE(done);
        io::SafetensorsFile file{saved[done - 1], "x"};
        DataPosition resumed{other};
        io::load(file, resumed);
        CHECK(run(set, resumed, 3, no_save) ==
              std::vector<Token>{whole.begin() + static_cast<std::ptrdiff_t>(done), whole.end()});
    }
}

TEST_CASE("DataPosition: after a break the next loop continues with the next batch") {
    const Numbers set = numbers(10);
    Rng rng{3}, same{3};
    DataPosition position{rng}, whole{same};
    const auto all = run(set, whole, 1, no_save);
    for (std::size_t i = 0; i < 3; ++i)
        for (auto&& batch : batches(set, 4, position)) {
            CHECK(batch.x.data()[0] == all[i]);
            break;
        }
    CHECK(position.passes() == 1);
}

TEST_CASE("DataPosition: another batch size is an error in the middle of a pass, not between two") {
    const Numbers set = numbers(10), larger = numbers(12);
    Rng rng{3};
    DataPosition position{rng};
    for (auto&& batch : batches(set, 4, position)) {
        static_cast<void>(batch);
        break;
    }
    CHECK(message<ArgumentError>([&] { return batches(set, 5, position); }) ==
          "DataPosition: in the middle of a pass: expected batches of 4 of 10 examples, got batches of 5 of "
          "10 examples");
    CHECK(message<ArgumentError>([&] { return batches(larger, 4, position); }) ==
          "DataPosition: in the middle of a pass: expected batches of 4 of 10 examples, got batches of 4 of "
          "12 examples");
    run(set, position, 1, no_save);
    CHECK(batches(larger, 5, position).count() == 3);
}

namespace {

io::SafetensorsFile file_of(const DataPosition& position) {
    return io::SafetensorsFile{io::collect(position).bytes(), "x"};
}
/// Saved after `count` batches of 4 of these options.
DataPosition after(const Numbers& set, std::size_t count, const BatchOptions& options) {
    Rng rng{3};
    DataPosition position{rng};
    while (count > 0)
        for (auto&& batch : batches(set, 4, position, options)) {
            static_cast<void>(batch);
            if (--count == 0) break;
        }
    return position;
}
// As DataPosition was before it knew the order.
struct Older {
    const DataPosition& position;
    template <class F, class... P>
    static void each_state(F&& f, P&... p) {
        DataPosition::each_state(
            [&](const ParamPath& path, auto&... leaf) {
                if (!DataPosition::optional_in_file(path.str())) f(path, leaf...);
            },
            p.position...);
    }
};

}  // namespace

TEST_CASE("DataPosition: after a load another order is refused, between two passes too, and accepted by name") {
    const auto set = Numbers{std::vector<Token>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, std::vector<Label>(10, Label{0})};
    Rng other{99};
    for (const std::size_t done : {1u, 3u}) {  // in the middle of a pass, and at its end
        CAPTURE(done);
        auto file = file_of(after(set, done, {.balance_classes = true}));
        DataPosition resumed{other};
        io::load(file, resumed);
        CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed); }) ==
              "DataPosition: balance_classes: expected true, got false; LoadOptions{.accept = {\"balance_classes\"}} "
              "keeps false");
        CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed, {.shuffle = false}); }) ==
              "DataPosition: shuffle: expected true, got false; LoadOptions{.accept = {\"shuffle\"}} keeps false");
        CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed, {.balance_classes = true}); }).empty());

        DataPosition accepts{other};
        const io::LoadReport report = io::load(file, {.accept = {"balance_classes"}}, accepts);
        REQUIRE(report.accepted.size() == 1);
        CHECK(report.accepted[0].name == "data.balance_classes");
        CHECK(report.accepted[0].file == "true");
        CHECK(report.accepted[0].host == "that of the next batches");
        CHECK(message<ArgumentError>([&] { return batches(set, 4, accepts); }).empty());
        CHECK(message<ArgumentError>([&] { return batches(set, 4, accepts, {.shuffle = false}); }) ==
              "DataPosition: shuffle: expected true, got false; LoadOptions{.accept = {\"shuffle\"}} keeps false");
        DataPosition all{other};
        io::load(file, {.accept = {"data"}}, all);
        CHECK(message<ArgumentError>([&] { return batches(set, 4, all, {.shuffle = false}); }).empty());
    }
}

TEST_CASE(
    "DataPosition: what was accepted and agrees is still known, and refused when it differs after the next load") {
    const Numbers set = numbers(10);
    Rng other{99};
    for (const std::size_t done : {1u, 3u}) {
        CAPTURE(done);
        auto file = file_of(after(set, done, {}));
        DataPosition accepts{other};
        const io::LoadReport report = io::load(file, {.accept = {"data"}}, accepts);
        REQUIRE(report.accepted.size() == 5);
        CHECK((report.accepted[0].name == "data.shuffle" && report.accepted[0].file == "true"));
        CHECK((report.accepted[1].name == "data.balance_classes" && report.accepted[1].file == "false"));
        CHECK((report.accepted[2].name == "data.drop_last" && report.accepted[2].file == "false"));
        CHECK(std::ranges::find(report.loaded, "data.shuffle") != report.loaded.end());
        auto again = file_of(accepts);  // saved before its next batch
        DataPosition later{other};
        io::load(again, later);
        CHECK(message<ArgumentError>([&] { return batches(set, 4, later, {.shuffle = false}); }) ==
              "DataPosition: shuffle: expected true, got false; LoadOptions{.accept = {\"shuffle\"}} keeps false");
        io::load(again, {.accept = {"shuffle"}}, later);
        CHECK(message<ArgumentError>([&] { return batches(set, 4, later, {.shuffle = false}); }).empty());
        io::load(again, later);  // it accepts no longer
        CHECK(message<ArgumentError>([&] { return batches(set, 4, later, {.shuffle = false}); }) ==
              "DataPosition: shuffle: expected true, got false; LoadOptions{.accept = {\"shuffle\"}} keeps false");
    }
}

TEST_CASE("DataPosition: another order is accepted by a position that has already run, and is that of the next load") {
    const Numbers set = numbers(10);
    for (const std::size_t done : {1u, 3u}) {
        CAPTURE(done);
        auto file = file_of(after(set, done, {.shuffle = false}));
        DataPosition ran = after(set, 2, {});
        const io::LoadReport report = io::load(file, {.accept = {"shuffle"}}, ran);
        REQUIRE(report.accepted.size() == 1);
        CHECK(report.accepted[0].file == "false");
        for (auto&& batch : batches(set, 4, ran)) {
            static_cast<void>(batch);
            break;
        }
        // accepted until that batch: now the order is its own
        auto saved = file_of(ran);
        CHECK(ran.next() == (done == 1 ? 2 : 1));
        CHECK(message<ArgumentError>([&] { return batches(set, 4, ran, {.shuffle = false}); }) ==
              "DataPosition: in the middle of a pass: shuffle: expected true, got false");
        DataPosition resumed = after(set, 1, {});
        io::load(saved, resumed);
        CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed, {.shuffle = false}); }) ==
              "DataPosition: shuffle: expected true, got false; LoadOptions{.accept = {\"shuffle\"}} keeps false");
        CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed); }).empty());
    }
}

TEST_CASE("DataPosition: a pass without its last batch is continued so, or as accepted") {
    const Numbers set = numbers(10);  // three batches of 4, or two
    Rng other{99};
    auto file = file_of(after(set, 1, {}));
    DataPosition resumed{other};
    io::load(file, resumed);
    CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed, {.drop_last = true}); }) ==
          "DataPosition: drop_last: expected false, got true; LoadOptions{.accept = {\"drop_last\"}} keeps true");
    io::load(file, {.accept = {"drop_last"}}, resumed);
    CHECK(batches(set, 4, resumed, {.drop_last = true}).count() == 2);
    auto two = file_of(after(set, 2, {}));  // all batches of a pass without the last one
    io::load(two, {.accept = {"drop_last"}}, resumed);
    CHECK(
        message<ArgumentError>([&] { return batches(set, 4, resumed, {.drop_last = true}); }) ==
        "batches: position: expected a batch less than 2, got 2; the pass was begun with drop_last = false: finish it "
        "so");
    DataPosition running = after(set, 1, {});
    CHECK(message<ArgumentError>([&] { return batches(set, 4, running, {.drop_last = true}); }) ==
          "DataPosition: in the middle of a pass: drop_last: expected false, got true");
    DataPosition complete = after(set, 3, {});
    CHECK(batches(set, 4, complete, {.drop_last = true}).count() == 2);
}

TEST_CASE("DataPosition: another batch size or number of examples than that of the file is refused, or accepted") {
    const Numbers set = numbers(10), larger = numbers(12);
    Rng other{99};
    auto file = file_of(after(set, 3, {}));  // between two passes
    DataPosition resumed{other};
    io::load(file, resumed);
    CHECK(message<ArgumentError>([&] { return batches(set, 5, resumed); }) ==
          "DataPosition: size: expected 4, got 5; LoadOptions{.accept = {\"size\"}} keeps 5");
    CHECK(message<ArgumentError>([&] { return batches(larger, 4, resumed); }) ==
          "DataPosition: examples: expected 10, got 12; LoadOptions{.accept = {\"examples\"}} keeps 12");
    CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed); }).empty());

    const auto report = io::load(file, {.accept = {"size"}}, resumed);
    REQUIRE(report.accepted.size() == 1);
    CHECK((report.accepted[0].name == "data.size" && report.accepted[0].file == "4"));
    CHECK(batches(set, 5, resumed).count() == 2);
    CHECK(message<ArgumentError>([&] { return batches(larger, 5, resumed); }) ==
          "DataPosition: examples: expected 10, got 12; LoadOptions{.accept = {\"examples\"}} keeps 12");
    io::load(file, {.accept = {"size", "examples"}}, resumed);
    CHECK(batches(larger, 5, resumed).count() == 3);

    auto middle = file_of(after(set, 1, {}));  // a pass is continued as it was begun
    io::load(middle, {.accept = {"size", "examples"}}, resumed);
    CHECK(message<ArgumentError>([&] { return batches(larger, 5, resumed); }) ==
          "DataPosition: in the middle of a pass: expected batches of 4 of 10 examples, got batches of 5 of 12 "
          "examples");
    Rng rng{3};
    auto fresh = file_of(DataPosition{rng});
    io::load(fresh, resumed);
    CHECK(batches(larger, 5, resumed).count() == 3);
}

TEST_CASE("DataPosition: the report of a file that does not know the order has an empty text for it") {
    const Numbers set = numbers(10);
    const DataPosition saved = after(set, 1, {});
    io::SafetensorsFile older{io::collect(Older{saved}).bytes(), "x"};
    Rng other{99};
    DataPosition resumed{other};
    const io::LoadReport report = io::load(older, {.accept = {"shuffle"}}, resumed);
    REQUIRE(report.accepted.size() == 1);
    CHECK(report.accepted[0].file.empty());
    CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed, {.shuffle = false}); }).empty());
    Rng rng{3};
    auto fresh = file_of(DataPosition{rng});
    CHECK(io::load(fresh, {.accept = {"shuffle"}}, resumed).accepted[0].file.empty());
}

TEST_CASE("DataPosition: a running program may change the order between two passes, not within one") {
    const Numbers set = numbers(10);
    DataPosition position = after(set, 2, {});
    CHECK(message<ArgumentError>([&] { return batches(set, 4, position, {.shuffle = false}); }) ==
          "DataPosition: in the middle of a pass: shuffle: expected true, got false");
    DataPosition complete = after(set, 3, {.shuffle = false});
    CHECK(complete.next() == 0);
    CHECK(message<ArgumentError>([&] { return batches(set, 4, complete); }).empty());
}

TEST_CASE("DataPosition: a file that is older than the order is read, and continues as it did") {
    const Numbers set = numbers(10);
    for (const std::size_t done : {1, 3}) {
        CAPTURE(done);
        const DataPosition saved = after(set, done, {.shuffle = false});
        io::SafetensorsFile file{io::collect(Older{saved}).bytes(), "x"};
        DataPosition resumed = after(set, 3, {});  // its own order is not that of the file
        const io::LoadReport report = io::load(file, resumed);
        CHECK(report.missing == std::vector<std::string>{"data.shuffle", "data.balance_classes", "data.drop_last"});
        CHECK(resumed.next() == saved.next());
        CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed, {.shuffle = false}); }).empty());
        CHECK(message<ArgumentError>([&] { return batches(set, 4, resumed); }).empty());
    }
}

TEST_CASE("DataPosition: the order in a file is 0 or 1, and any other number is one that is not known") {
    const Numbers set = numbers(10);
    Rng rng{3};
    const DataPosition fresh{rng};
    std::vector<std::uint64_t> orders;
    const auto add = [&](const DataPosition& position) {
        DataPosition::each_state(
            [&](const ParamPath& path, const auto& leaf) {
                if (DataPosition::optional_in_file(path.str())) orders.push_back(leaf[0]);
            },
            position);
    };
    add(fresh);
    add(after(set, 1, {}));
    add(after(set, 1, {.shuffle = false}));
    add(after(set, 1, {.drop_last = true}));
    CHECK(orders == std::vector<std::uint64_t>{2, 2, 2, 1, 0, 0, 0, 0, 0, 1, 0, 1});
}

}  // namespace data_position_test
