#include <tessera/data/image_list.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#include <unistd.h>
#endif

using namespace tessera;
using data::FolderLayout;
using data::ImageList;
using data::LeftOutReason;
using data::Split;
using support::message;
using support::TemporaryFolder;

namespace {

// A folder with empty files of these names; a name that ends in / is an empty folder.
struct Tree : TemporaryFolder {
    explicit Tree(const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            if (name.ends_with('/'))
                std::filesystem::create_directories(*this / name);
            else
                write(name, {});
        }
    }
    // "cat/1.png=0" for each image: path below the folder, label, and the split if there are any
    std::string list(FolderLayout layout = FolderLayout::detect) const {
        const ImageList list = data::list_image_folder(str(), layout);
        std::string text;
        for (const data::ListedImage& image : list.images) {
            text += (text.empty() ? "" : " ") + image.path.substr(str().size() + 1);
            if (list.labelled()) text += '=' + std::to_string(image.label.index);
            if (list.has_splits) text += "@" + std::to_string(static_cast<int>(image.split));
        }
        return text;
    }
    std::string left_out() const { return data::list_image_folder(str()).left_out.text(); }
    std::vector<std::string> classes() const { return data::list_image_folder(str()).class_names; }
    std::string refused(FolderLayout layout = FolderLayout::detect) const {
        const std::string text = message<DataError>([&] { return data::list_image_folder(str(), layout); });
        const std::string begin = "load_image_folder: " + str() + ": ";
        return text.starts_with(begin) ? text.substr(begin.size()) : text;
    }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("list_image_folder: images of deeper folders belong to their class, in torchvision's order") {
    const Tree tree{{"cls/a.png", "cls/more/b.png", "cls/more/deep/deeper/c.JPG", "cls/more-/d.png", "dog/z.jpeg"}};
    // torchvision sorts folders as texts: "cls/more", "cls/more-", "cls/more/deep/deeper"
    CHECK(tree.list() == "cls/a.png=0 cls/more/b.png=0 cls/more-/d.png=0 cls/more/deep/deeper/c.JPG=0 dog/z.jpeg=1");
    CHECK(Tree{{"a.png", "b.PNG", "c.jpeg"}}.list() == "a.png b.PNG c.jpeg");
}

TEST_CASE("list_image_folder: every folder is a class, an empty one too") {
    const Tree tree{{"a/1.png", "b/", "c/1.png", "d/more/deeper/"}};
    CHECK(tree.list() == "a/1.png=0 c/1.png=2");
    CHECK(tree.classes() == Names{"a", "b", "c", "d"});
}

TEST_CASE("list_image_folder: a folder with files but no image is no class, and is counted with its files") {
    const Tree tree{{"a/1.png", "c/1.png", "b/text.txt", "d/deeper/data.csv", "empty/", "system/.DS_Store"}};
    CHECK(tree.classes() == Names{"a", "c", "empty", "system"});
    CHECK(tree.list() == "a/1.png=0 c/1.png=1");
    CHECK(tree.left_out() ==
          "1 .txt file (b/text.txt), 1 .csv file (d/deeper/data.csv), 2 folders without images (b), 1 hidden "
          "(system/.DS_Store)");
    const Tree roboflow{{"train/images/1.png", "train/labels/1.txt", "valid/images/2.png", "valid/labels/2.txt"}};
    CHECK(roboflow.list() == "train/images/1.png=0@0 valid/images/2.png=0@1");
    CHECK(roboflow.left_out() == "2 .txt files (train/labels/1.txt), 2 folders without images (train/labels)");
    const Tree voc{{"Annotations/1.xml", "ImageSets/Main/train.txt", "JPEGImages/1.jpg"}};
    CHECK(voc.classes() == Names{"JPEGImages"});

    const Tree other{{"a/1.png", "b/text.txt"}};  // images of a type that is not read are images
    other.write("b/1.gif", Bytes{'G', 'I', 'F', '8', '9', 'a'});
    CHECK(other.classes() == Names{"a", "b"});
    const Tree loose{{"1.png", "docs/readme.txt"}};  // no classes, hence no folder that is none
    CHECK(loose.left_out() == "1 .txt file (docs/readme.txt)");
}

TEST_CASE("list_image_folder: names that are not ASCII are classes in the order of their bytes") {
    const Tree tree{{"zebra/1.png", "\xC3\xA9t\xC3\xA9/1.png", "\xE7\x8C\xAB/\xE7\x8C\xAB.png", "a b/1 2.png"}};
    CHECK(tree.classes() == Names{"a b", "zebra", "\xC3\xA9t\xC3\xA9", "\xE7\x8C\xAB"});
    CHECK(tree.list() == "a b/1 2.png=0 zebra/1.png=1 \xC3\xA9t\xC3\xA9/1.png=2 \xE7\x8C\xAB/\xE7\x8C\xAB.png=3");
}

TEST_CASE("list_image_folder: train, val and test are splits, with and without classes") {
    CHECK(Tree{{"train/cat/1.png", "val/cat/1.png"}}.list() == "train/cat/1.png=0@0 val/cat/1.png=0@1");
    CHECK(Tree{{"train/1.png", "val/1.png", "test/1.png"}}.list() == "train/1.png@0 val/1.png@1 test/1.png@2");
    CHECK(Tree{{"Training/1.png", "VALIDATION/1.png", "testing/1.png"}}.list() ==
          "Training/1.png@0 VALIDATION/1.png@1 testing/1.png@2");
    const Tree three{{"train/a/1.png", "train/b/1.png", "train/c/1.png", "test/a/1.png", "test/b/", "test/c/1.png"}};
    CHECK(three.list() == "train/a/1.png=0@0 train/b/1.png=1@0 train/c/1.png=2@0 test/a/1.png=0@2 test/c/1.png=2@2");
    const Tree coco{{"train/1.png", "val/1.png", "annotations/train.json", "preview.png"}};
    CHECK(coco.list() == "train/1.png@0 val/1.png@1");
    CHECK(coco.left_out() ==
          "1 .json file (annotations/train.json), 1 image next to the folders that were read (preview.png)");
}

TEST_CASE("list_image_folder: classes may be called train or test") {
    const Tree transport{{"bus/1.png", "car/1.png", "train/1.png"}};
    CHECK(transport.list() == "bus/1.png=0 car/1.png=1 train/1.png=2");
    const Tree both{{"test/1.png", "train/1.png"}};
    CHECK(both.list(FolderLayout::classes) == "test/1.png=0 train/1.png=1");
}

TEST_CASE("list_image_folder: an ambiguous layout is refused with what was seen") {
    CHECK(Tree{{"test/1.png", "val/1.png"}}.refused() ==
          "expected a folder train, or folders of classes, got the folders test, val: pass the folder of one split, or "
          "FolderLayout::classes");
    CHECK(Tree{{"a/1.png"}}
              .refused(FolderLayout::splits)
              .starts_with("expected a folder train, or folders of classes, got the folders a"));
    CHECK(Tree{{"1.png"}}
              .refused(FolderLayout::splits)
              .starts_with("expected a folder train, or folders of classes, got none"));
    CHECK(Tree{{"train/1.png", "test/1.png", "cat/1.png"}}.refused() ==
          "expected folders of splits or of classes, got both, test, train next to cat: pass FolderLayout::classes if "
          "all of them are classes");
    for (const char* other : {"test1/1.png", "dev/cat/1.png", "evaluation/1.png", "unlabeled/1.png"})
        CHECK(
            Tree{{"train/1.png", other}}.refused().starts_with("expected folders of splits or of classes, got both, "));
    CHECK(Tree{{"train/1.png", "training/1.png"}}.refused() == "expected one of the folders train and training");
    CHECK(Tree{{"train/cat/1.png", "test/1.png"}}.refused() ==
          "train has folders of classes, test has 1 images without: expected all with classes");
    const Tree wrapped{{"pets/cat/1.png", "pets/dog/1.png"}};
    CHECK(wrapped.refused() == "the images are two levels down: expected folders of classes or splits, got one folder, "
                               "pets, with the folders cat, dog: pass " +
                                   (wrapped / "pets") + ", or FolderLayout::classes for a single class");
    CHECK(wrapped.list(FolderLayout::classes) == "pets/cat/1.png=0 pets/dog/1.png=0");
    CHECK(Tree{{"set/train/cat/1.png", "set/test/cat/1.png"}}.refused().starts_with("the images are two levels down"));
    const Tree inside{{"cat/train/1.png", "cat/test/1.png", "dog/train/1.png", "dog/test/1.png"}};
    CHECK(inside.refused() ==
          "each folder has splits in it: expected " + (inside / "train/cat") + ", got " + (inside / "cat/train"));
    CHECK(Tree{{"1.png", "2.png", "a/1.png"}}.refused() ==
          "expected all images in subfolders, or none, got 2 next to 1 subfolders with 1");
}

TEST_CASE("list_image_folder: the classes of splits are those of train") {
    const Tree tiny{{"train/n1/images/1.png", "train/n2/images/2.png", "val/images/3.png", "val/val_annotations.txt"}};
    CHECK(tiny.refused() ==
          "class val/images: expected one of n1, n2, got images: where it is a class, name all of them");
    CHECK(data::list_image_folder(tiny.str(), FolderLayout::detect, {"n1", "n2", "images"}).images.size() == 3);
    const Tree some{{"train/a/1.png", "train/b/1.png", "train/d/", "val/b/1.png", "val/c/", "test/d/1.png"}};
    CHECK(some.classes() == Names{"a", "b", "d"});
    CHECK(some.list() == "train/a/1.png=0@0 train/b/1.png=1@0 val/b/1.png=1@1 test/d/1.png=2@2");
}

TEST_CASE("list_image_folder: a split may have the year of its set") {
    CHECK(Tree{{"train2017/1.png", "val2017/1.png", "annotations/a.json"}}.list() ==
          "train2017/1.png@0 val2017/1.png@1");
    CHECK(Tree{{"train_2014/a/1.png", "test-2014/a/1.png"}}.list() == "train_2014/a/1.png=0@0 test-2014/a/1.png=0@2");
    // a set with other names for its splits, or a split beside train
    for (const auto& [train, test] : {std::pair{"training_set", "test_set"}, std::pair{"seg_train", "seg_test"},
                                      std::pair{"train_images", "val-images"}})
        CHECK(Tree{{std::string{train} + "/cat/1.png", std::string{test} + "/cat/1.png"}}.refused().find(
                  "expected folders of classes, or of the splits of one set") == 0);
    for (const char* const other : {"validate", "Test_set", "holdout"})
        CHECK(Tree{{"train/cat/1.png", std::string{other} + "/cat/1.png"}}.refused().find(
                  "expected folders of splits or of classes, got both") == 0);
    CHECK(Tree{{"train2014/1.png", "train2017/1.png"}}.refused() ==
          "expected one of the folders train2014 and train2017");
    CHECK(Tree{{"train0042/1.png", "2017/1.png"}}.list() == "2017/1.png=0 train0042/1.png=1");
}

TEST_CASE("list_image_folder: the splits of several sets are no classes") {
    const Tree two{{"trainA/1.png", "trainB/1.png", "testA/1.png", "testB/1.png"}};
    CHECK(
        two.refused() ==
        "expected folders of classes, or of the splits of one set, got the folders testA, testB, trainA, trainB: pass "
        "one of them, name two of them train and test, or pass FolderLayout::classes if all of them are classes");
    CHECK(two.list(FolderLayout::classes).ends_with("trainB/1.png=3"));
    CHECK(Tree{{"train_station/1.png", "valley/1.png"}}.list() == "train_station/1.png=0 valley/1.png=1");
}

TEST_CASE("list_image_folder: splits under other names are no classes") {
    for (const auto& [train, test] : {std::pair{"trainval", "test"},
                                      {"trainset", "testset"},
                                      {"trainset", "validset"},
                                      {"TrainData", "TestData"},
                                      {"Training Set", "Test Set"},
                                      {"train images", "test images"},
                                      {"train.images", "test.images"},
                                      {"train+val", "test"},
                                      {"imagesTr", "imagesTs"},
                                      {"train-images", "t10k-images"},
                                      {"trn", "tst"},
                                      {"2train", "2test"},
                                      {"train0", "test0"},
                                      {"MNISTTrain", "MNISTTest"},
                                      {"trainingdata", "evaluation data"},
                                      {"images_train_1", "images_dev_1"},
                                      {"trainimgs", "valimgs"}}) {
        const std::string names = std::string{train} + ", " + test;
        const Tree tree{{std::string{train} + "/a/1.png", std::string{test} + "/a/1.png"}};
        const std::string text = tree.refused();
        CHECK_MESSAGE(text.starts_with("expected folders of classes, or of the splits of one set, got the folders "),
                      names, ": ", text);
        CHECK(data::list_image_folder(tree.str(), FolderLayout::classes).class_names.size() == 2);
    }
    // what only looks like the name of a split
    for (const auto& [one, other] : {std::pair{"train_station", "valley"},
                                     {"contest", "strain"},
                                     {"test_tube", "trainer_shoes"},
                                     {"tr", "ts"},
                                     {"protest", "restrain"},
                                     {"constraints", "devil"},
                                     {"bullet", "bus"}}) {
        const Tree tree{{std::string{one} + "/1.png", std::string{other} + "/1.png"}};
        CHECK(tree.classes() == Names{one, other});
    }
}

TEST_CASE("list_image_folder: what goes with train is no class next to a class train") {
    for (const char* const other : {"train_masks", "train_orig", "trainB", "train (1)", "train_augmented", "trainval",
                                    "trains", "masks", "Labels", "annotations", "gt", "ground-truth", "extra", "query",
                                    "Test (copy)", "my_test", "imagesTs", "t10k-images"}) {
        const Tree tree{{"train/a/1.png", std::string{other} + "/a/1.png"}};
        const std::string text = tree.refused();
        CHECK_MESSAGE(text.starts_with("expected folders of splits or of classes, got both, train next to "), other,
                      ": ", text);
    }
    const Tree vehicles{
        {"bus/1.png", "car/1.png", "train/1.png", "extraordinary/1.png", "road_gt/1.png", "tank/1.png"}};
    CHECK(vehicles.classes() == Names{"bus", "car", "extraordinary", "road_gt", "tank", "train"});
    CHECK(Tree{{"train/1.png", "masks/1.txt"}}.list() == "train/1.png@0");  // no images: train is a split
}

TEST_CASE("list_image_folder: images next to their masks are no two classes") {
    const Tree camvid{{"images/1.png", "masks/1.png", "notes/"}};
    CHECK(camvid.refused() == "expected folders of classes, got images next to masks: pass " + (camvid / "images") +
                                  ", or FolderLayout::classes if both are classes");
    CHECK(camvid.list(FolderLayout::classes) == "images/1.png=0 masks/1.png=1");
    const Tree split{{"train/Images/1.png", "train/labels/1.png", "test/Images/2.png", "test/labels/2.png"}};
    CHECK(split.refused() == "expected folders of classes, got train/Images next to train/labels: pass " +
                                 (split / "train/Images") + ", or FolderLayout::splits if both are classes");
    CHECK(split.list(FolderLayout::splits).starts_with("train/Images/1.png=0@0 train/labels/1.png=1@0"));
    CHECK(Tree{{"JPEGImages/1.jpg", "SegmentationClass/1.png"}}.refused().starts_with("expected folders of classes"));
    CHECK(Tree{{"images/1.png", "cat/1.png"}}.classes() == Names{"cat", "images"});
    CHECK(Tree{{"masks/1.png", "gloves/1.png"}}.classes() == Names{"gloves", "masks"});
    CHECK(Tree{{"images/1.png", "masks/"}}.classes() == Names{"images", "masks"});
}

TEST_CASE("list_image_folder: time grows with the number of classes, not with its square") {
    const auto seconds = [](std::size_t classes) {
        std::vector<data::detail::ClassFolder> parts(1);
        for (std::size_t i = 0; i < classes; ++i) {
            const std::string name = "class" + std::to_string(i);
            parts[0].classes.emplace(name, std::vector<std::string>{name + "/1.png"});
        }
        double best = 1e9;
        for (int i = 0; i < 3; ++i) {
            const auto start = std::chrono::steady_clock::now();
            ImageList list;
            list.class_names = data::detail::join_classes("folder", parts, {});
            data::detail::add_images(list, "folder", parts, {Split::train});
            const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
            REQUIRE(list.images.size() == classes);
            CHECK(list.images.back().label.index == classes - 1);
            best = (std::min)(best, taken.count());
        }
        return best;
    };
    const double few = seconds(1'000), many = seconds(16'000);  // 16 times as many; the square is 256
    CHECK(many < 80 * few);
}

TEST_CASE("list_image_folder: a folder around the set is seen past empty folders, single folders and loose pictures") {
    const Tree imagenet{{"Annotations/CLS-LOC/a.xml", "Data/CLS-LOC/train/n1/1.png", "Data/CLS-LOC/train/n2/1.png",
                         "Data/CLS-LOC/val/1.png", "ImageSets/"}};
    CHECK(imagenet.refused() ==
          "the images are 3 levels down: expected folders of classes or splits, got one folder, Data/CLS-LOC, with the "
          "folders train, val: pass " +
              (imagenet / "Data/CLS-LOC") + ", or FolderLayout::classes for a single class");
    const Tree loose{{"preview.png", "archive/preview.png", "archive/cat/1.png", "archive/dog/1.png"}};
    CHECK(loose.refused().starts_with("the images are two levels down: expected folders of classes or splits, got one "
                                      "folder, archive, with the folders cat, dog: pass "));
    const Tree split{{"train/data/cat/1.png", "train/data/dog/1.png", "val/data/cat/1.png"}};
    CHECK(split.refused() == "the images are two levels down: expected folders of classes or splits, got one folder, "
                             "train/data, with the folders cat, dog: pass " +
                                 (split / "train/data") + ", or FolderLayout::splits for a single class");
    CHECK(split.list(FolderLayout::splits).starts_with("train/data/cat/1.png=0@0"));
    const Tree inside{{"cat/cover.png", "cat/train/1.png", "cat/test/1.png", "dog/train/1.png", "dog/test/1.png"}};
    CHECK(inside.refused().starts_with("each folder has splits in it: expected "));
    CHECK(Tree{{"cat/1.png", "cat/2.png", "cat/more/3.png"}}.list() ==
          "cat/1.png=0 cat/2.png=0 cat/more/3.png=0");  // most are in the folder itself
    CHECK(Tree{{"cat/images/1.png", "docs/"}}.list() == "cat/images/1.png=0");
}

TEST_CASE("list_image_folder: a few images next to the classes are counted") {
    const Tree tree{{"preview.png", "a/1.png", "b/1.png"}};
    CHECK(tree.list() == "a/1.png=0 b/1.png=1");
    CHECK(tree.left_out() == "1 image next to the folders that were read (preview.png)");
    const Tree loose{{"1.png", "docs/readme.txt"}};
    CHECK((loose.list() == "1.png" && loose.classes().empty()));
}

TEST_CASE("list_image_folder: what systems leave in folders is hidden") {
    const Tree tree{{"a/1.png", "a/._1.png", "a/.DS_Store", "a/Thumbs.db", "__MACOSX/a/1.png", ".git/1.png",
                     "@eaDir/1.png", "lost+found/", "desktop.ini", "b/1.png", "#recycle/1.png", "#snapshot/1.png",
                     "_MacOSX/1.png"}};
    CHECK(tree.classes() == Names{"a", "b"});
    CHECK(tree.list() == "a/1.png=0 b/1.png=1");
    CHECK(data::list_image_folder(tree.str()).left_out.count(LeftOutReason::hidden) == 11);
}

TEST_CASE("list_image_folder: links are followed, but not back") {
    const Tree tree{{"a/1.png", "b/1.png"}}, elsewhere{{"2.png"}};
    namespace fs = std::filesystem;
    fs::create_directory_symlink(elsewhere.str(), tree / "a/far_away");
    fs::create_directory_symlink(tree / "a", tree / "a/self");
    fs::create_directory_symlink(tree.str(), tree / "b/up");
    fs::create_directory_symlink(tree.str(), tree / "root");
    CHECK(tree.list() == "a/1.png=0 a/far_away/2.png=0 b/1.png=1");
    CHECK(tree.classes() == Names{"a", "b"});
    CHECK(tree.left_out() == "3 folders that a link leads back to (a/self)");

    const Tree two{{"a/b/1.png", "a/c/1.png"}};  // 2^20 paths, if every link were followed
    for (int i = 0; i < 20; ++i) {
        const std::string from = "a/d" + std::to_string(i);
        fs::create_directory(two / from);
        if (i == 0) continue;
        const std::string to = two / ("a/d" + std::to_string(i - 1));
        fs::create_directory_symlink(to, two / (from + "/x"));
        fs::create_directory_symlink(to, two / (from + "/y"));
    }
    CHECK(two.list(FolderLayout::classes) == "a/b/1.png=0 a/c/1.png=0");
}

#if defined(__unix__) || defined(__APPLE__)
TEST_CASE("list_image_folder: a folder or file that cannot be read is counted, a pipe too") {
    const Tree tree{{"a/1.png", "b/1.png", "b/secret/2.png", "closed/1.png", "lost+found/1.png", "a/unknown"}};
    REQUIRE(::mkfifo((tree / "a/2.png").c_str(), 0600) == 0);
    for (const char* name : {"closed", "lost+found", "b/secret", "a/unknown"})
        REQUIRE(::chmod((tree / name).c_str(), 0) == 0);
    const bool is_root = ::geteuid() == 0;  // who may read everything
    if (is_root) REQUIRE(::seteuid(65534) == 0);
    ImageList list;
    const std::string failed = message<Error>([&] { list = data::list_image_folder(tree.str()); });
    if (is_root) REQUIRE(::seteuid(0) == 0);
    for (const char* name : {"closed", "lost+found", "b/secret", "a/unknown"}) ::chmod((tree / name).c_str(), 0700);
    CHECK(failed == "");
    CHECK((list.images.size() == 2 && list.class_names == Names{"a", "b"}));
    CHECK(list.left_out.count(LeftOutReason::unreadable) == 4);
    CHECK(list.left_out.count(LeftOutReason::special) == 1);
    CHECK(list.left_out.text() == "4 unreadable (lost+found: Permission denied), 1 neither file nor folder (a/2.png)");
}
#endif

TEST_CASE("list_image_folder: an empty folder, and one that is missing") {
    CHECK(Tree{Names{}}.refused() == "expected PNG or JPEG files, got none");
    CHECK(Tree{{"a/", "b/notes.txt"}}.refused() ==
          "expected PNG or JPEG files, got none; left out: 1 .txt file (b/notes.txt)");
    const TemporaryFolder folder;
    CHECK(message<IoError>([&] { return data::list_image_folder(folder / "none"); }) ==
          "load_image_folder: " + (folder / "none") + ": No such file or directory");
}
