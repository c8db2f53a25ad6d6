#include <tessera/data/lazy_images.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>
#include <support/tiny_vae.hpp>

#include <tessera/data/batches.hpp>
#include <tessera/data/read_ahead.hpp>
#include <tessera/image/encode_png.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/train/trainer.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace tessera;
using support::message;
using support::TemporaryFolder;

namespace lazy_images_test {

namespace {

using Gray = support::TinyImage;

Bytes picture(unsigned seed, std::size_t height, std::size_t width) {
    Bytes pixels(height * width);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<unsigned char>((i + 3) * (seed * 37 + 11));
    return image::encode_png({height, width, 1, pixels});
}

// 60 images of three classes, of several sizes, and a file of another type.
void write_set(const TemporaryFolder& folder, const std::string& below = "") {
    for (unsigned i = 0; i < 60; ++i)
        folder.write(below + std::string(1, static_cast<char>('a' + i % 3)) + "/" + std::to_string(100 + i) + ".png",
                     picture(i, 4 + i % 5, 4 + i % 3));
    folder.write(below + "a/x.png", Bytes{'G', 'I', 'F', '8', '9', 'a'});
}

template <class Lazy, class Whole>
void check_same(const Lazy& lazy, const Whole& whole) {
    REQUIRE(lazy.size() == whole.size());
    CHECK((lazy.labelled() == whole.labelled() && lazy.class_names() == whole.class_names()));
    Tensor<float, Gray> x{1}, y{1};
    std::size_t different = 0;
    for (std::size_t i = 0; i < lazy.size(); ++i) {
        lazy.copy(i, x[0]);
        whole.copy(i, y[0]);
        different += !std::ranges::equal(x.span(), y.span()) || lazy.label(i) != whole.label(i);
    }
    CHECK(different == 0);
}

}  // namespace

TEST_CASE("open_image_folder: the sets of load_image_folder, in the same order and with the same bits") {
    const TemporaryFolder folder;
    write_set(folder);
    const data::ImageFolderOptions options{.test_share = 0.3, .seed = 5};
    const auto lazy = data::open_image_folder<Gray>(folder.str(), options);
    const auto whole = data::load_image_folder<Gray>(folder.str(), options);
    CHECK((lazy.train.size() > 20 && lazy.test.size() > 5 && lazy.train.classes() == 3));
    check_same(lazy.train, whole.train);
    check_same(lazy.test, whole.test);
    CHECK((lazy.files == whole.files && lazy.skipped == 1 && lazy.left_out.text() == whole.left_out.text()));
    CHECK(lazy.train.path(0) == folder / "a/106.png");  // 100 and 103 went to test
}

TEST_CASE("open_image_folder, load_image_folder: options of decoding reach the decoder") {
    const TemporaryFolder folder;
    folder.write("1.png", image::encode_png({8, 8, 2, Bytes(128)}));  // black, transparent
    const auto first = [&](const image::DecodeOptions& decode) {
        const auto whole = data::load_image_folder<Gray>(folder.str(), {.decode = decode});
        const auto lazy = data::open_image_folder<Gray>(folder.str(), {.decode = decode});
        Tensor<float, Gray> x{1};
        lazy.train.copy(0, x[0]);
        CHECK(x[0][0] == static_cast<float>(whole.train.pixels(0)[0]) / 255.0f);
        return static_cast<int>(whole.train.pixels(0)[0]);
    };
    CHECK((first({}) == 255 && first({.background = std::nullopt}) == 0));
}

TEST_CASE("open_image_folder: splits, and damaged files with and without skip_up_to") {
    const TemporaryFolder folder;
    write_set(folder, "train/");
    write_set(folder, "val/");
    write_set(folder, "test/");
    folder.write("train/b/101.png", Bytes{'h', 'i'});
    const auto lazy = data::open_image_folder<Gray>(folder.str(), {.skip_up_to = 0.1});
    const auto whole = data::load_image_folder<Gray>(folder.str(), {.skip_up_to = 0.1});
    check_same(lazy.train, whole.train);
    check_same(lazy.val, whole.val);
    check_same(lazy.test, whole.test);
    CHECK((lazy.skipped == 4 && lazy.reasons == whole.reasons && lazy.left_out.text() == whole.left_out.text()));

    REQUIRE(lazy.fitted.has_value());
    CHECK((lazy.fitted->to_gray == whole.fitted.to_gray && lazy.fitted->scaled == whole.fitted.scaled));
    CHECK((lazy.fitted->cropped == whole.fitted.cropped && whole.fitted.cropped > 0));

    const auto unchecked = data::open_image_folder<Gray>(folder.str());
    CHECK(!unchecked.fitted.has_value());
    CHECK(unchecked.train.size() == 60);
    Tensor<float, Gray> x{1};
    std::string failed;
    for (std::size_t i = 0; i < 60; ++i) failed += message<FormatError>([&] { unchecked.train.copy(i, x[0]); });
    CHECK(failed == (folder / "train/b/101.png") + " @0: neither a PNG nor a JPEG");
    CHECK(message<IoError>([&] {
              return data::open_image_folder<Gray>(folder / "none");
          }).ends_with("none: No such file or directory"));
}

TEST_CASE("open_image_folder: a relative folder means the same after the program changes its current folder") {
    const TemporaryFolder folder;
    write_set(folder, "set/");
    const auto whole = data::load_image_folder<Gray>(folder / "set");
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(folder.str());
    const auto lazy = data::open_image_folder<Gray>("set");
    const auto with_slash = data::open_image_folder<Gray>("./set/");
    std::filesystem::current_path(before);
    check_same(lazy.train, whole.train);
    check_same(with_slash.train, whole.train);
    CHECK((lazy.train.path(0) == "set/a/100.png" && with_slash.train.path(0) == "./set/a/100.png"));
    std::filesystem::remove(folder / "set/a/100.png");
    Tensor<float, Gray> x{1};
    CHECK(message<IoError>([&] { lazy.train.copy(0, x[0]); }).ends_with("/set/a/100.png: No such file or directory"));
}

TEST_CASE("LazyImages: a reader of the host gets the paths as they are listed") {
    const auto read = [](const std::string& path, const data::ImageFolderOptions&) {
        return image::Pixels{4, 4, 1, Bytes(path == "archive.zip#1" ? Gray::size : 1)};
    };
    const data::LazyImages<Gray> images{{{"archive.zip#1", Label{}, data::Split::train}}, {}, read};
    Tensor<float, Gray> x{1};
    CHECK_NOTHROW(images.copy(0, x[0]));
}

TEST_CASE("LazyImages: an image of another size than the set's, from a reader of the host, is an error") {
    const auto read = [](const std::string&, const data::ImageFolderOptions&) {
        return image::Pixels{2, 3, 1, Bytes(6)};
    };
    const data::LazyImages<Gray> images{{{"small.png", Label{}, data::Split::train}}, {}, read};
    Tensor<float, Gray> x{1};
    const std::string bytes = std::to_string(Gray::size);
    CHECK(message<DataError>([&] { images.copy(0, x[0]); }) ==
          "LazyImages: small.png: bytes: expected " + bytes + ", got 6, from the function that reads it");
}

TEST_CASE("open_image_folder: training from files, read ahead, ends in the weights of training in memory") {
    const TemporaryFolder folder;
    write_set(folder);
    const auto lazy = data::open_image_folder<Gray>(folder.str());
    const auto whole = data::load_image_folder<Gray>(folder.str());
    const auto train = [](const auto& set) {
        Rng rng{3};
        support::TinyVae<float> vae{rng};
        Trainer trainer{vae, AdamW{vae, {.lr = 1e-3}}};
        Rng order{8};
        for (int pass = 0; pass < 2; ++pass)
            for (auto&& batch : batches(set, 16, order)) trainer.step(batch);
        const auto report = vae.evaluate(set);
        return std::vector<double>{report.mse, report.perplexity, report.quantization_mse};
    };
    const data::ReadAhead ahead{lazy.train, {.threads = 2}};
    const auto expected = train(whole.train);
    CHECK(train(lazy.train) == expected);
    CHECK(train(ahead) == expected);
}

}  // namespace lazy_images_test
