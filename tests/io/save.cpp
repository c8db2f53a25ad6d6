#include <tessera/io/save.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <tessera/core/param.hpp>
#include <tessera/io/load.hpp>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>

using namespace tessera;
using support::message;

namespace {

struct Line {
    Param<float, Shape<2>> weight;
    Param<double, Shape<>> rate;
    Param<std::int64_t, Shape<1>> steps;

    template <class F, class... M>
    static void each_state(F&& f, M&... m) {
        f("weight", m.weight...);
        f("rate", m.rate...);
        f("steps", m.steps...);
    }
};

}  // namespace

TEST_CASE("io::save: a number that is not finite is an error that names it, as io::load would refuse the file") {
    Line line;
    CHECK(io::collect(line).bytes().size() > 0);
    line.weight[1] = std::numeric_limits<float>::quiet_NaN();
    CHECK(message<NumericError>([&] { static_cast<void>(io::collect(line)); }) ==
          "io::save: weight: element 1: expected a finite number, got nan");
    line.weight[1] = 1;
    line.rate[0] = -std::numeric_limits<double>::infinity();
    CHECK(message<NumericError>([&] { static_cast<void>(io::collect(line)); }) ==
          "io::save: rate: element 0: expected a finite number, got -inf");
}

TEST_CASE("io::save: a model that was moved from is a StateError") {
    Line line;
    const Line elsewhere = std::move(line);
    CHECK(message<StateError>([&] { static_cast<void>(io::collect(line)); }) ==
          "Param: used after it was moved from: expected 2, got 0");
    CHECK(io::collect(elsewhere).bytes().size() > 0);
}

TEST_CASE("io::save: a link keeps leading to its file, which keeps its permissions, and a path with a NUL is refused") {
    const support::TemporaryFolder folder;
    namespace fs = std::filesystem;
    Line line;
    io::save(folder / "x.st", line);
    fs::permissions(folder / "x.st", fs::perms::owner_read | fs::perms::owner_write);
    fs::create_symlink("x.st", folder / "latest.st");
    line.weight[1] = 5;
    io::save(folder / "latest.st", line);
    CHECK(fs::is_symlink(folder / "latest.st"));
    CHECK(fs::status(folder / "x.st").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    Line loaded;
    io::load(folder / "x.st", loaded);
    CHECK(loaded.weight[1] == 5);
    CHECK(message<ArgumentError>([&] {
              io::save((folder / "cut") + '\0' + ".st", line);
          }).starts_with("write_file: " + (folder / "cut") + ": path: expected no NUL, got one at byte "));
    CHECK(message<ArgumentError>([&] { io::save("", line); }) ==
          "write_file: path: expected the name of a file, got an empty one");
    CHECK(folder.entries() == 2);
}
