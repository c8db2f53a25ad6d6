#include <tessera/data/lazy_idx.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <tessera/core/tensor.hpp>
#include <tessera/data/dataset.hpp>

#include <string>
#include <vector>

using namespace tessera;
using support::message;
using support::TemporaryFolder;

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
    CHECK(!Set{folder / "i"}.labelled());
}

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
