#include <tessera/data/image_folder.hpp>

#include <doctest/doctest.h>

#include <data/jpeg_samples.hpp>
#include <data/png_builder.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using namespace tessera;
using support::contains;
using support::message;
using support::TemporaryFolder;

namespace {

using Gray = Shape<4, 4, 1>;

Bytes flat(unsigned char value, std::size_t side = 4) {
    return data::encode_png({side, side, 1, Bytes(side * side, value)});
}
std::vector<int> values(const data::Images<Gray>& images) {
    std::vector<int> all;
    for (std::size_t i = 0; i < images.size(); ++i) all.push_back(images.pixels(i)[0]);
    return all;
}

}  // namespace

TEST_CASE("load_image_folder: images in the order of their names, other files passed over") {
    const TemporaryFolder folder;
    folder.write("b.png", flat(2, 9));
    folder.write("a.PNG", flat(1));
    folder.write("c.jpeg", samples::progressive_jpeg());
    folder.write(".hidden.png", Bytes{1, 2, 3});
    folder.write("notes.txt", Bytes{'x'});
    const auto set = data::load_image_folder<Gray>(folder.str());
    CHECK((set.train.size() == 3 && set.test.size() == 0 && !set.train.labelled()));
    CHECK((set.train.pixels(0)[0] == 1 && set.train.pixels(1)[15] == 2));
    CHECK(data::load_image_folder<Shape<4, 4, 3>>(folder.str()).train.pixels(1)[47] == 2);
}

TEST_CASE("load_image_folder: subfolders are classes in the order of their names") {
    const TemporaryFolder folder;
    folder.write("dog/1.png", flat(10));
    folder.write("cat/1.png", flat(20));
    folder.write("cat/2.jpg", flat(21));
    folder.write(".git/1.png", flat(1));
    std::filesystem::create_directory(folder / "empty");
    const auto set = data::load_image_folder<Gray>(folder.str());
    CHECK(values(set.train) == std::vector<int>{20, 21, 10});
    CHECK((set.train.label(1) == 0 && set.train.label(2) == 1 && set.train.classes() == 2));
    CHECK(set.train.class_names() == std::vector<std::string>{"cat", "dog"});
}

TEST_CASE("load_image_folder: the division depends on position and seed only") {
    const TemporaryFolder folder;
    for (int i = 0; i < 200; ++i)
        folder.write(std::to_string(1000 + i) + ".png", flat(static_cast<unsigned char>(i)));
    const auto load = [&](double share, std::uint64_t seed) {
        return data::load_image_folder<Gray>(folder.str(), {.validation = share, .seed = seed});
    };
    const auto set = load(0.2, 0), again = load(0.2, 0), other = load(0.2, 1);
    CHECK(set.train.size() + set.test.size() == 200);
    CHECK((set.test.size() > 20 && set.test.size() < 60));
    CHECK((values(again.test) == values(set.test) && values(other.test) != values(set.test)));
    const auto test = values(set.test), larger = values(load(0.5, 0).test);
    CHECK((std::ranges::is_sorted(test) && std::ranges::includes(larger, test)));
    CHECK((load(0, 0).test.size() == 0 && load(1, 0).train.size() == 0));
}

TEST_CASE("load_image_folder: what cannot work is told with its name") {
    const TemporaryFolder folder;
    const auto load = [&] { data::load_image_folder<Gray>(folder.str()); };
    CHECK(message<DataError>(load) ==
          "load_image_folder: " + folder.str() + ": expected PNG or JPEG files, got none");
    folder.write("a.png", flat(1));
    folder.write("bad.png", Bytes{'h', 'i'});
    CHECK(message<FormatError>(load) == (folder / "bad.png") + " @0: neither a PNG nor a JPEG");
    std::filesystem::remove(folder / "bad.png");
    folder.write("class/1.png", flat(1));
    CHECK(message<DataError>(load) ==
          "load_image_folder: " + folder.str() +
              ": expected all images in subfolders, or none, got 1 beside 1 subfolders");
    CHECK(contains(message<IoError>([&] { data::load_image_folder<Gray>(folder / "none"); }),
                   "none: No such file or directory"));
    CHECK(message<ArgumentError>([&] { data::load_image_folder<Gray>(folder.str(), {.validation = 1.5}); }) ==
          "load_image_folder: validation: expected 0 to 1, got 1.500000");
}
