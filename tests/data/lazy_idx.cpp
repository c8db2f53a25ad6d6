#include <tessera/data/lazy_idx.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <tessera/core/tensor.hpp>
#include <tessera/data/dataset.hpp>

#include <string>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#endif

using namespace tessera;
using support::message;
using support::TemporaryFolder;

namespace lazy_idx_test {

namespace {

using Small = Shape<2, 3, 1>;
using Set = data::LazyIdx<Small>;

Bytes images(std::uint32_t count, std::uint32_t side = 2) {
    Bytes file{0, 0, 8, 3};
    for (const std::uint32_t d : {count, side, std::uint32_t{3}}) samples::append_be32(file, d);
    for (std::size_t i = 0; i < std::size_t{count} * side * 3; ++i) file.push_back(static_cast<unsigned char>(7 * i));
    return file;
}
Bytes labels(const Bytes& values) {
    Bytes file{0, 0, 8, 1};
    samples::append_be32(file, static_cast<std::uint32_t>(values.size()));
    samples::append(file, values);
    return file;
}

}  // namespace

static_assert(data::LabelledDataset<Set>);

TEST_CASE("LazyIdx: image i and its label are those of the file") {
    const TemporaryFolder folder;
    Bytes file = images(50);
    file.push_back('\n');  // surplus
    const Set set{folder.write("i", file), folder.write("l", labels(Bytes(50, 4)))};
    CHECK((set.size() == 50 && set.labelled() && set.label(49) == Label{4} && set.classes() == 5));
    Tensor<float, Small> x{1};
    std::size_t different = 0;
    for (const std::size_t i : std::vector<std::size_t>{49, 0, 17})
        for (std::size_t k = 0; k < 6; ++k) {
            set.copy(i, x[0]);
            different += x[0][k] != static_cast<float>(file[16 + 6 * i + k]) / 255.0f;
        }
    CHECK(different == 0);
    CHECK(set.left_out().text() == "1 file with surplus bytes (" + (folder / "i") + ": 1 bytes)");
    CHECK(Set{folder.write("exact", images(3))}.left_out().empty());
    CHECK(!Set{folder / "i"}.labelled());
}

#if defined(__linux__)
TEST_CASE("LazyIdx: an image of any size is copied with 64 KiB of stack") {
    using Large = Shape<1024, 1024, 1>;
    const TemporaryFolder folder;
    Bytes file{0, 0, 8, 3};
    for (const std::uint32_t d : {1u, 1024u, 1024u}) samples::append_be32(file, d);
    for (std::size_t i = 0; i < Large::size; ++i) file.push_back(static_cast<unsigned char>(i * i >> 3));
    const data::LazyIdx<Large> set{folder.write("i", file)};
    Tensor<float, Large> x{1};
    struct Call {
        const data::LazyIdx<Large>& set;
        Tensor<float, Large>& x;
    } call{set, x};
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, 128 << 10) == 0);  // the system and sanitizers take a part
    pthread_t thread;
    REQUIRE(pthread_create(
                &thread, &attributes,
                [](void* c) -> void* {
                    static_cast<Call*>(c)->set.copy(0, static_cast<Call*>(c)->x[0]);
                    return nullptr;
                },
                &call) == 0);
    REQUIRE(pthread_join(thread, nullptr) == 0);
    pthread_attr_destroy(&attributes);
    std::size_t different = 0;
    for (std::size_t k = 0; k < Large::size; ++k)
        different += x[0][k] != static_cast<float>(static_cast<unsigned char>(k * k >> 3)) / 255.0f;
    CHECK(different == 0);
}
#endif

TEST_CASE("LazyIdx: each error names the file") {
    const TemporaryFolder folder;
    const auto refused = [&](const Bytes& file, const Bytes& label_file = labels({1, 2})) {
        const std::string i = folder.write("i", file), l = folder.write("l", label_file);
        const std::string text = message<Error>([&] { Set{i, l, 3}; });
        return text.starts_with(i) ? text.substr(i.size()) : text;
    };
    CHECK(refused(images(2)) == "");
    CHECK(refused(samples::gzip_stored(images(2))) == " @0: is compressed: unpack it to read single images");
    CHECK(refused(images(2, 4)) == " @8: image: expected 2 x 3, got 4 x 3");
    Bytes cut = images(2);
    cut.pop_back();
    CHECK(refused(cut) == " @4: IDX length: expected 28, got 27 bytes: the header counts 2, the file has 1");
    Bytes more = images(2);
    more.resize(more.size() + 6);
    CHECK(refused(more) == " @4: IDX length: expected 28, got 34 bytes: the header counts 2, the file has 3");
    CHECK(refused(Bytes{0, 0}) == " @2: IDX header: expected 16, got 2 bytes");
    CHECK(refused(labels({1, 2})) ==
          " @3: IDX rank: expected 3, got 1: an array of one dimension, like a file of labels");
    CHECK(refused(images(2), labels({1, 2, 3})) == "LazyIdx: " + (folder / "l") + ": labels: expected 2, got 3");
    CHECK(refused(images(2), labels({1, 3})) ==
          "LazyIdx: " + (folder / "l") + ": label 1: expected less than 3, got 3");
    CHECK(message<IoError>([&] { Set{folder / "none"}; }).ends_with("none: No such file or directory"));
}

}  // namespace lazy_idx_test
