#include <tessera/data/mnist.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#include <unistd.h>
#endif

using namespace tessera;
using support::contains;
using support::message;
using support::TemporaryFolder;

namespace {

Bytes images(std::uint32_t count, unsigned char start, std::uint32_t side = 28) {
    Bytes file{0, 0, 8, 3};
    for (const std::uint32_t d : {count, side, side}) samples::append_be32(file, d);
    for (std::size_t i = 0; i < std::size_t{count} * side * side; ++i)
        file.push_back(static_cast<unsigned char>(start + i % 251));
    return file;
}
Bytes labels(const Bytes& values) {
    Bytes file{0, 0, 8, 1};
    samples::append_be32(file, static_cast<std::uint32_t>(values.size()));
    samples::append(file, values);
    return file;
}
void write_usual(const TemporaryFolder& folder, const std::string& prefix = "", const std::string& test = "t10k",
                 char dot = '-') {
    const std::string image = std::string{"-images"} + dot + "idx3-ubyte",
                      label = std::string{"-labels"} + dot + "idx1-ubyte";
    folder.write(prefix + "train" + image, images(3, 0));
    folder.write(prefix + "train" + label + ".gz", samples::gzip_stored(labels({9, 0, 5})));
    folder.write(prefix + test + image + ".gz", samples::gzip_stored(images(2, 7)));
    folder.write(prefix + test + label, labels({1, 2}));
}

}  // namespace

TEST_CASE("load_mnist: reads four files, plain or compressed, in both spellings") {
    for (const char dot : {'-', '.'}) {
        const TemporaryFolder folder;
        write_usual(folder, "", "t10k", dot);
        const data::Mnist set = data::load_mnist(folder.str());
        CHECK((set.train.size() == 3 && set.test.size() == 2 && set.train.classes() == 10 && set.test.classes() == 10));
        CHECK((set.train.label(0) == Label{9} && set.test.label(1) == Label{2}));
        CHECK((set.train.pixels(0)[5] == 5 && set.train.pixels(1)[0] == 784 % 251 && set.test.pixels(0)[0] == 7));
    }
}

TEST_CASE("load_mnist: EMNIST is transposed, its classes are counted, its sets are distinguished") {
    const TemporaryFolder folder;
    write_usual(folder, "emnist-letters-", "test");
    const data::Mnist set = data::load_mnist(folder.str());
    CHECK((set.train.size() == 3 && set.train.classes() == 10 && set.test.classes() == 10));
    CHECK((set.train.pixels(0)[1] == 28 && set.train.pixels(0)[28] == 1 && set.train.pixels(0)[29] == 29));
    write_usual(folder, "emnist-byclass-", "test");
    folder.write("emnist-byclass-test-labels-idx1-ubyte", labels({61, 3}));
    CHECK(message<DataError>([&] { return data::load_mnist(folder.str()); }) ==
          "load_mnist: " + folder.str() +
              ": the folder has several sets: give one its own folder, or pass its prefix: emnist-byclass-");
    CHECK(data::load_mnist(folder.str(), {}, "emnist-byclass-").train.classes() == 62);
    folder.write("emnist-byclass-test-labels-idx1-ubyte", labels({62, 3}));
    CHECK(contains(message<DataError>([&] { return data::load_mnist(folder.str(), {}, "emnist-byclass-"); }),
                   "label 0: expected less than 62, got 62"));
}

TEST_CASE("load_mnist: errors name missing folders and files") {
    const TemporaryFolder folder;
    CHECK(message<IoError>([&] { return data::load_mnist(folder / "none"); }) ==
          "load_mnist: " + (folder / "none") + ": there is no such folder");
    CHECK(message<IoError>([&] { return data::load_mnist(folder.str()); })
              .starts_with("load_mnist: " + folder.str() +
                           ": missing: train-images-idx3-ubyte train-labels-idx1-ubyte "
                           "t10k-images-idx3-ubyte t10k-labels-idx1-ubyte (looked for them also with .gz"));
    write_usual(folder);
    std::filesystem::remove(folder / "t10k-labels-idx1-ubyte");
    CHECK(contains(message<IoError>([&] { return data::load_mnist(folder.str()); }),
                   ": missing: t10k-labels-idx1-ubyte (looked"));
}

#if defined(__unix__) || defined(__APPLE__)
TEST_CASE("load_mnist: a folder that cannot be read is an IoError") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "closed");
    REQUIRE(::chmod((folder / "closed").c_str(), 0) == 0);
    const bool is_root = ::geteuid() == 0;  // who may read everything
    if (is_root) REQUIRE(::seteuid(65534) == 0);
    const std::string text = message<IoError>([&] { return data::load_mnist(folder / "closed"); });
    if (is_root) REQUIRE(::seteuid(0) == 0);
    ::chmod((folder / "closed").c_str(), 0700);
    CHECK(text == "load_mnist: " + (folder / "closed") + ": Permission denied");
}
#endif

TEST_CASE("load_mnist: images and labels must match") {
    const TemporaryFolder folder;
    write_usual(folder);
    folder.write("train-labels-idx1-ubyte", labels({1, 2}));
    const std::string path = folder / "train-labels-idx1-ubyte";
    CHECK(message<FormatError>([&] { return data::load_mnist(folder.str()); }) ==
          path + " @4: count: expected 3 (as many as images), got 2; the images are those of " +
              (folder / "train-images-idx3-ubyte"));
    folder.write("train-labels-idx1-ubyte", labels({1, 10, 2}));
    CHECK(message<DataError>([&] { return data::load_mnist(folder.str()); }) ==
          "load_mnist: " + path + ": label 1: expected less than 10, got 10");
    folder.write("train-labels-idx1-ubyte", labels({1, 1, 2}));
    folder.write("train-images-idx3-ubyte", images(3, 0, 27));
    CHECK(message<FormatError>([&] { return data::load_mnist(folder.str()); }) ==
          (folder / "train-images-idx3-ubyte") + " @8: image: expected 28 x 28, got 27 x 27");
}

TEST_CASE("load_mnist: swapped files, surplus bytes, files in folders of their name and in raw") {
    const TemporaryFolder folder;
    write_usual(folder);
    Bytes more = images(3, 0);
    more.push_back('\n');
    folder.write("train-images-idx3-ubyte", more);
    const auto set = data::load_mnist(folder.str());
    CHECK((set.train.size() == 3 && set.train.pixels(2)[783] == (3 * 784 - 1) % 251));
    CHECK(set.left_out.text() == "1 file with surplus bytes (" + (folder / "train-images-idx3-ubyte") + ": 1 bytes)");
    folder.write("train-images-idx3-ubyte", labels({1, 2, 3}));
    folder.write("train-labels-idx1-ubyte", images(3, 0));
    CHECK(message<FormatError>([&] { return data::load_mnist(folder.str()); }) ==
          (folder / "train-images-idx3-ubyte") +
              " @3: IDX rank: expected 3, got 1: an array of one dimension, like a file of labels");

    const TemporaryFolder kaggle, torchvision;
    for (const auto& [name, file] : {std::pair{"train-images-idx3-ubyte", images(3, 0)},
                                     {"train-labels-idx1-ubyte", labels({1, 2, 3})},
                                     {"t10k-images-idx3-ubyte", images(2, 0)},
                                     {"t10k-labels-idx1-ubyte", labels({1, 2})}}) {
        kaggle.write(std::string{name} + '/' + name, file);
        torchvision.write(std::string{"raw/"} + name, file);
    }
    CHECK((data::load_mnist(kaggle.str()).train.size() == 3 && data::load_mnist(torchvision.str()).test.size() == 2));
    kaggle.write("other.csv", {});
    std::filesystem::remove_all(kaggle / "train-images-idx3-ubyte");
    CHECK(message<IoError>([&] { return data::load_mnist(kaggle.str()); })
              .ends_with("; the folder has other.csv, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, "
                         "train-labels-idx1-ubyte"));
}

TEST_CASE("load_mnist: counts the files and folders next to those that it reads") {
    const TemporaryFolder folder;
    write_usual(folder);
    CHECK(data::load_mnist(folder.str()).left_out.empty());
    folder.write("train-images-idx3-ubyte.gz", samples::gzip_stored(images(1, 0)));  // another copy, of one image
    folder.write("train-labels.idx1-ubyte", labels({1}));
    folder.write("ant/1.png", {});
    folder.write("README.md", {});
    folder.write(".DS_Store", {});
    const data::Mnist set = data::load_mnist(folder.str());
    CHECK(set.train.size() == 3);
    CHECK(set.left_out.count() == 3);
    CHECK(set.left_out.text() == "1 folder next to those that were read (ant), 1 .gz file next to those that were read "
                                 "(train-images-idx3-ubyte.gz), 1 .idx1-ubyte file next to those that were read "
                                 "(train-labels.idx1-ubyte)");
    for (int i = 0; i < 100; ++i) folder.write("x." + std::to_string(i), {});
    CHECK(data::load_mnist(folder.str()).left_out.groups().size() < 30);
    const TemporaryFolder torchvision;
    write_usual(torchvision, "raw/");
    torchvision.write("cats/1.png", {});
    torchvision.write("Thumbs.db", {});
    torchvision.write("emnist-letters-train-images-idx3-ubyte.zip", {});  // of no set that can be read
    CHECK(data::load_mnist(torchvision.str()).left_out.text() ==
          "1 folder next to those that were read (cats), 1 .zip file next to those that were read "
          "(emnist-letters-train-images-idx3-ubyte.zip)");
    const TemporaryFolder kaggle;  // files in folders of their name
    for (const auto& [name, file] : {std::pair{"train-images-idx3-ubyte", images(3, 0)},
                                     {"train-labels-idx1-ubyte", labels({1, 2, 3})},
                                     {"t10k-images-idx3-ubyte", images(2, 0)},
                                     {"t10k-labels-idx1-ubyte", labels({1, 2})}})
        kaggle.write(std::string{name} + '/' + name, file);
    kaggle.write("archive", {});
    CHECK(data::load_mnist(kaggle.str() + "/").left_out.text() == "1 file next to those that were read (archive)");
}

TEST_CASE("load_mnist: an empty file next to its archive is not read, and counted; alone it is an error") {
    const TemporaryFolder folder;
    folder.write("train-images-idx3-ubyte", {});
    folder.write("train-images-idx3-ubyte.gz", samples::gzip_stored(images(3, 0)));
    folder.write("train-labels-idx1-ubyte", labels({1, 2, 3}));
    folder.write("t10k-images-idx3-ubyte", images(2, 0));
    folder.write("t10k-labels-idx1-ubyte", labels({1, 2}));
    const data::Mnist set = data::load_mnist(folder.str());
    CHECK(set.train.size() == 3);
    CHECK(set.left_out.text() == "1 file next to those that were read (train-images-idx3-ubyte)");
    std::filesystem::remove(folder / "train-images-idx3-ubyte.gz");
    CHECK(message<FormatError>([&] {
              static_cast<void>(data::load_mnist(folder.str()));
          }).starts_with((folder / "train-images-idx3-ubyte") + " @0: "));
}

TEST_CASE("load_mnist: reads a folder with the two contact sheets") {
    const data::Mnist set = data::load_mnist(std::string{TESSERA_TESTS_DIR} + "/../examples/data");
    CHECK(set.left_out.empty());
    CHECK((set.train.size() == 10000 && set.test.size() == 2000 && set.train.classes() == 10));
}

TEST_CASE("load_mnist: reads Fashion-MNIST as Debian ships it") {
    const std::string folder = "/usr/share/datasets/fashion-mnist";
    if (!std::filesystem::exists(folder)) {
        MESSAGE("SKIPPED: no " << folder << " (apt-get install dataset-fashion-mnist)");
        return;
    }
    const data::Mnist set = data::load_mnist(folder);
    CHECK((set.train.size() == 60000 && set.test.size() == 10000));
    CHECK((set.train.label(0) == Label{9} && set.test.label(0) == Label{9}));
    std::size_t count[10]{};
    for (const Label label : set.train.labels()) ++count[label.index];
    CHECK(std::count(count, count + 10, 6000u) == 10);
}
