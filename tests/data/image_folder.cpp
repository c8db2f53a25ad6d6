#include <tessera/data/image_folder.hpp>

#include <doctest/doctest.h>

#include <image/jpeg_samples.hpp>
#include <image/png_builder.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <tessera/image/encode_png.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

using namespace tessera;
using support::contains;
using support::message;
using support::TemporaryFolder;

namespace {

using Gray = Shape<4, 4, 1>;

Bytes flat(unsigned char value, std::size_t side = 4) {
    return image::encode_png({side, side, 1, Bytes(side * side, value)});
}
std::vector<int> values(const data::Images<Gray>& images) {
    std::vector<int> all;
    for (std::size_t i = 0; i < images.size(); ++i) all.push_back(images.pixels(i)[0]);
    return all;
}

}  // namespace

TEST_CASE("load_image_folder: reads images in the order of their names, and ignores other files") {
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
    CHECK((set.train.label(1) == Label{0} && set.train.label(2) == Label{1} && set.train.classes() == 3));
    CHECK(set.train.class_names() == std::vector<std::string>{"cat", "dog", "empty"});
    CHECK(set.left_out.text() == "1 hidden (.git)");
}

TEST_CASE("load_image_folder: the division depends only on position and seed") {
    const TemporaryFolder folder;
    for (int i = 0; i < 200; ++i) folder.write(std::to_string(1000 + i) + ".png", flat(static_cast<unsigned char>(i)));
    const auto load = [&](double share, std::uint64_t seed) {
        return data::load_image_folder<Gray>(folder.str(), {.test_share = share, .seed = seed});
    };
    const auto set = load(0.2, 0), again = load(0.2, 0), other = load(0.2, 1);
    CHECK(set.train.size() + set.test.size() == 200);
    CHECK((set.test.size() > 20 && set.test.size() < 60));
    CHECK((values(again.test) == values(set.test) && values(other.test) != values(set.test)));
    const auto test = values(set.test), larger = values(load(0.5, 0).test);
    CHECK((std::ranges::is_sorted(test) && std::ranges::includes(larger, test)));
    CHECK((load(0, 0).test.size() == 0 && load(1, 0).train.size() == 0));
}

TEST_CASE("load_image_folder: each error names the folder or the option") {
    const TemporaryFolder folder;
    const auto load = [&] { return data::load_image_folder<Gray>(folder.str()); };
    CHECK(message<DataError>(load) == "load_image_folder: " + folder.str() + ": expected PNG or JPEG files, got none");
    folder.write("a.png", flat(1));
    folder.write("bad.png", Bytes{'h', 'i'});
    CHECK(message<FormatError>(load) ==
          "load_image_folder: file 2 of 2: " + (folder / "bad.png") + " @0: neither a PNG nor a JPEG");
    std::filesystem::remove(folder / "bad.png");
    folder.write("class/1.png", flat(1));
    CHECK(message<DataError>(load) ==
          "load_image_folder: " + folder.str() +
              ": expected all images in subfolders, or none, got 1 next to 1 subfolders with 1");
    CHECK(contains(message<IoError>([&] { return data::load_image_folder<Gray>(folder / "none"); }),
                   "none: No such file or directory"));
    CHECK(message<ArgumentError>([&] { return data::load_image_folder<Gray>(folder.str(), {.test_share = 1.5}); }) ==
          "load_image_folder: test_share: expected 0 to 1, got 1.500000");
}

namespace {

constexpr int many = 1000;

std::string numbered(const TemporaryFolder& folder, int i) { return folder / (std::to_string(many + i) + ".png"); }

// 1,000 images, the i-th with the gray value i % 251; those in `bad` are text.
void write_many(const TemporaryFolder& folder, const std::vector<int>& bad) {
    for (int i = 0; i < many; ++i)
        folder.write(std::to_string(many + i) + ".png", flat(static_cast<unsigned char>(i % 251)));
    for (const int i : bad) folder.write(std::to_string(many + i) + ".png", Bytes{'h', 'i'});
}
std::vector<int> grays_without(const std::vector<int>& bad) {
    std::vector<int> grays;
    for (int i = 0; i < many; ++i)
        if (!std::ranges::count(bad, i)) grays.push_back(i % 251);
    return grays;
}

}  // namespace

TEST_CASE("load_image_folder: one bad file among 1,000 is an error with its position, path and offset") {
    const TemporaryFolder folder;
    write_many(folder, {500});
    try {
        static_cast<void>(data::load_image_folder<Gray>(folder.str()));
        FAIL("the bad file was taken");
    } catch (const FormatError& e) {
        CHECK(e.what() ==
              "load_image_folder: file 501 of 1000: " + numbered(folder, 500) + " @0: neither a PNG nor a JPEG");
        CHECK((e.code() == FormatCode::magic && e.path() == numbered(folder, 500) && e.offset() == 0));
    }
}

TEST_CASE("load_image_folder: with skip_up_to bad files are skipped and counted, and the others do not move") {
    const TemporaryFolder folder;
    const std::vector<int> bad{3, 500, 501, 700, 701, 702, 999};
    write_many(folder, {});
    const auto whole = data::load_image_folder<Gray>(folder.str(), {.test_share = 0.2});
    CHECK((whole.files == 1000 && whole.skipped == 0 && whole.reasons.empty()));
    write_many(folder, bad);
    const auto set = data::load_image_folder<Gray>(folder.str(), {.skip_up_to = 0.007});
    CHECK(values(set.train) == grays_without(bad));
    CHECK((set.files == 1000 && set.skipped == bad.size()));
    REQUIRE(set.reasons.size() == 5);
    CHECK(set.reasons[0] == "file 4 of 1000: " + numbered(folder, 3) + " @0: neither a PNG nor a JPEG");
    CHECK(set.reasons[4] == "file 702 of 1000: " + numbered(folder, 701) + " @0: neither a PNG nor a JPEG");

    // each image is in the same half as without bad files
    const auto halves = data::load_image_folder<Gray>(folder.str(), {.test_share = 0.2, .skip_up_to = 0.01});
    std::vector<int> train, test;
    for (int i = 0; i < many; ++i)
        if (!std::ranges::count(bad, i))
            (Rng{0}.split(static_cast<std::uint64_t>(i)).uniform_double() < 0.2 ? test : train).push_back(i % 251);
    CHECK((values(halves.train) == train && values(halves.test) == test));
    CHECK(whole.train.size() + whole.test.size() == train.size() + test.size() + bad.size());
}

TEST_CASE("load_image_folder: more bad files than skip_up_to, or only bad files, are an error with the first one") {
    const TemporaryFolder folder;
    const auto load = [&](double share) {
        return message<DataError>([&] { return data::load_image_folder<Gray>(folder.str(), {.skip_up_to = share}); });
    };
    for (int i = 0; i < 100; ++i) folder.write(std::to_string(100 + i) + ".png", i < 29 ? Bytes{'h', 'i'} : flat(7));
    const std::string begin = "load_image_folder: " + folder.str() + ": bad files: expected at most a share of ",
                      first = "; the first: file 1 of 100: " + (folder / "100.png") + " @0: neither a PNG nor a JPEG";
    CHECK(load(0.29) == "");
    CHECK(load(0.28) == begin + "0.280000, and not all, got 29 in the first 29 of 100" + first);
    CHECK(load(0.015) == begin + "0.015000, and not all, got 2 in the first 2 of 100" + first);
    for (int i = 29; i < 100; ++i) folder.write(std::to_string(100 + i) + ".png", Bytes{'h', 'i'});
    CHECK(load(1) == begin + "1.000000, and not all, got 100 in the first 100 of 100" + first);

    const auto refused = [&](double share) {
        return message<ArgumentError>(
            [&] { return data::load_image_folder<Gray>(folder.str(), {.skip_up_to = share}); });
    };
    CHECK(refused(-0.1) == "load_image_folder: skip_up_to: expected 0 to 1, got -0.100000");
    CHECK(refused(std::nan("")) == "load_image_folder: skip_up_to: expected 0 to 1, got nan");
}

TEST_CASE("load_image_folder: a file that cannot be read is an error with its reason, or counted like a damaged one") {
    const TemporaryFolder folder;
    folder.write("1.png", flat(1));
    std::filesystem::create_symlink(folder / "gone", folder / "2.png");
    std::filesystem::create_symlink(folder / "3.png", folder / "3.png");
    try {
        static_cast<void>(data::load_image_folder<Gray>(folder.str()));
        FAIL("the file was left out");
    } catch (const IoError& e) {
        CHECK(contains(e.what(), "load_image_folder: file 2 of 3: "));
        CHECK((e.path() == folder / "2.png" && e.reason() == ENOENT));
    }
    const auto set = data::load_image_folder<Gray>(folder.str(), {.skip_up_to = 0.7});
    CHECK((set.train.size() == 1 && set.files == 3 && set.skipped == 2));
    CHECK(set.left_out.text() == "2 unreadable (2.png: No such file or directory)");
}

TEST_CASE("load_image_folder: an image beyond the limits is counted as such, not as damaged") {
    const TemporaryFolder folder;
    folder.write("1.png", flat(1));
    folder.write("2.png", flat(2, 9));
    folder.write("3.png", Bytes{'h', 'i'});
    ReadLimits limits;
    limits.image_side = 8;
    CHECK(
        contains(message<FormatError>([&] { return data::load_image_folder<Gray>(folder.str(), {.limits = limits}); }),
                 "file 2 of 3: "));
    const auto set = data::load_image_folder<Gray>(folder.str(), {.skip_up_to = 0.7, .limits = limits});
    CHECK((set.train.size() == 1 && set.skipped == 2));
    CHECK(set.left_out.text() == "1 damaged image (3.png), 1 image beyond the limits (2.png)");
    REQUIRE(set.reasons.size() == 2);
    CHECK(contains(set.reasons[0], "image: 9 x 9 is more than the limits of 8 a side"));
}

TEST_CASE("load_image_folder: types are told by bytes, and files of other types are counted by type") {
    const TemporaryFolder folder;
    const auto bytes = [](std::string_view text) { return Bytes{text.begin(), text.end()}; };
    for (int i = 0; i < 20; ++i) folder.write("a" + std::to_string(i) + ".jfif", samples::progressive_jpeg());
    for (int i = 0; i < 50; ++i) folder.write("w" + std::to_string(i) + ".webp", bytes("RIFF....WEBPVP8 "));
    for (int i = 0; i < 3; ++i) folder.write("z" + std::to_string(i) + ".png", flat(9));
    folder.write("IMG_0001", flat(9));            // no ending
    folder.write("really.png", bytes("GIF89a"));  // named like another type
    folder.write("jpeg.png", samples::progressive_jpeg());
    folder.write("labels.csv", bytes("a,b"));
    folder.write("more.CSV", bytes("a,b"));
    folder.write("README", bytes("text"));
    folder.write("empty.json", {});
    const auto set = data::load_image_folder<Gray>(folder.str());
    CHECK(set.train.size() == 25);
    CHECK((set.files == 26 && set.skipped == 1 && set.reasons.empty()));
    CHECK(set.left_out.count(data::LeftOutReason::other_type) == 51);
    CHECK(set.left_out.count(data::LeftOutReason::no_image) == 4);
    CHECK(set.left_out.count() == 55);
    CHECK(set.left_out.text() == "50 WebP images (w0.webp), 1 GIF image (really.png), 2 .csv files (labels.csv), "
                                 "1 other file (README), 1 .json file (empty.json)");
}

TEST_CASE("load_image_folder: a folder of other types only says what it holds") {
    const TemporaryFolder folder;
    folder.write("cat/1.webp", Bytes{'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P'});
    folder.write("cat/1.png", Bytes{'G', 'I', 'F', '8', '9', 'a'});
    CHECK(message<DataError>([&] { return data::load_image_folder<Gray>(folder.str()); }) ==
          "load_image_folder: " + folder.str() +
              ": expected PNG or JPEG files, got none; left out: 1 WebP image (cat/1.webp), 1 GIF image (cat/1.png)");
}

TEST_CASE("load_image_folder: splits go to train, val and test with the classes that are named") {
    const TemporaryFolder folder;
    folder.write("train/a/1.png", flat(1));
    folder.write("train/c/1.png", flat(2));
    folder.write("Valid/b/1.png", flat(3));
    folder.write("testing/c/1.png", flat(4));
    folder.write("preview.png", flat(5));
    const std::vector<std::string> names{"a", "b", "c"};  // train has no b
    const auto set = data::load_image_folder<Gray>(folder.str(), {.classes = names});
    CHECK(values(set.train) == std::vector<int>{1, 2});
    CHECK(values(set.val) == std::vector<int>{3});
    CHECK(values(set.test) == std::vector<int>{4});
    CHECK((set.train.class_names() == names && set.val.class_names() == names && set.test.class_names() == names));
    CHECK((set.train.label(1) == Label{2} && set.val.label(0) == Label{1} && set.test.label(0) == Label{2}));
    CHECK(set.left_out.text() == "1 image next to the folders that were read (preview.png)");
    CHECK(message<ArgumentError>([&] {
              return data::load_image_folder<Gray>(folder.str(), {.test_share = 0.1, .classes = names});
          }) == "load_image_folder: " + folder.str() +
                    ": test_share: expected 0, as the folder has a split test, got 0.100000");
}

TEST_CASE("load_image_folder: the classes of one set give those of another") {
    const TemporaryFolder train, test;
    for (const char* name : {"a/1.png", "b/1.png", "c/1.png"}) train.write(name, flat(1));
    for (const char* name : {"a/1.png", "c/1.png"}) test.write(name, flat(2));  // no folder b at all
    const auto first = data::load_image_folder<Gray>(train.str());
    const auto set = data::load_image_folder<Gray>(test.str(), {.classes = first.train.class_names()});
    CHECK((set.train.label(1) == Label{2} && set.train.classes() == 3));
    test.write("d/1.png", flat(2));
    CHECK(message<DataError>([&] {
              return data::load_image_folder<Gray>(test.str(), {.classes = first.train.class_names()});
          }) == "load_image_folder: " + test.str() + ": class d: expected one of a, b, c, got d");
    const TemporaryFolder loose;
    loose.write("1.png", flat(1));
    CHECK(message<DataError>([&] {
              return data::load_image_folder<Gray>(loose.str(), {.classes = {"a", "b"}});
          }) == "load_image_folder: " + loose.str() +
                    ": classes are given: a, b, the folder has 1 images without: expected all with classes");
}

TEST_CASE("load_image_folder: counts what was changed so that the images fit") {
    const TemporaryFolder folder;
    folder.write("1.png", flat(1));
    folder.write("2.png", flat(1, 8));                               // scaled
    folder.write("3.png", image::encode_png({4, 4, 3, Bytes(48)}));  // in colour
    folder.write("4.png", image::encode_png({2, 4, 1, Bytes(8)}));   // scaled and cropped
    folder.write("5.png", image::encode_png({8, 4, 3, Bytes(96)}));  // all three
    const auto gray = data::load_image_folder<Gray>(folder.str());
    CHECK((gray.fitted.to_gray == 2 && gray.fitted.scaled == 3 && gray.fitted.cropped == 2));
    const auto colour = data::load_image_folder<Shape<4, 4, 3>>(folder.str());
    CHECK((colour.fitted.to_gray == 0 && colour.fitted.scaled == 3 && colour.fitted.cropped == 2));
}

TEST_CASE("load_image_folder: counts pictures of 16 bits that are nearly black, unless told which bits are used") {
    const auto deep = [](std::uint32_t side, unsigned char high) {  // one sample above the others
        Bytes rows(side * (1 + 2 * std::size_t{side}));
        rows[rows.size() - 2] = high;
        return samples::png_of(samples::ihdr({side, side, 16, 0, false}), samples::chunk("IDAT", samples::zlib(rows)),
                               samples::iend());
    };
    const TemporaryFolder folder;
    folder.write("1.png", deep(4, 0x1F));
    folder.write("2.png", deep(4, 0x20));   // a sixteenth of the pixels
    folder.write("3.png", flat(1));         // dark, but of 8 bits
    folder.write("4.png", deep(12, 0xFF));  // one hot pixel of 144
    CHECK(data::load_image_folder<Gray>(folder.str()).fitted.dark == 2);
    CHECK(data::load_image_folder<Gray>(folder.str(), {.decode = {.significant_bits = 12}}).fitted.dark == 0);
}

TEST_CASE("load_image_folder: counts pictures with transparency, and those that have one value in every pixel") {
    const auto rgba = [](unsigned char colour, unsigned char corner_alpha) {  // transparent but for one corner
        Bytes rows;
        for (std::size_t y = 0; y < 4; ++y) {
            rows.push_back(0);
            for (std::size_t i = 0; i < 16; ++i) rows.push_back(i % 4 == 3 ? 0 : colour);
        }
        rows.back() = corner_alpha;
        return samples::png_of(samples::ihdr({4, 4, 8, 6, false}), samples::chunk("IDAT", samples::zlib(rows)),
                               samples::iend());
    };
    Bytes orange;
    for (std::size_t i = 0; i < 16; ++i) samples::append(orange, Bytes{255, 128, 0});
    const TemporaryFolder folder;
    folder.write("1.png", rgba(255, 255));  // white on the white background
    folder.write("2.png", rgba(0, 255));    // a black corner
    folder.write("3.png", rgba(0, 0));
    folder.write("4.png", flat(7));
    folder.write("5.png", image::encode_png({4, 4, 3, orange}));
    using Colour = Shape<4, 4, 3>;
    const auto white = data::load_image_folder<Colour>(folder.str()).fitted;
    CHECK((white.alpha == 3 && white.flat == 4));
    const auto kept = data::load_image_folder<Colour>(folder.str(), {.decode = {.background = std::nullopt}}).fitted;
    CHECK((kept.alpha == 0 && kept.flat == 5));
}
