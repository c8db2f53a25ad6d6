#include <tessera/data/idx_file.hpp>

#include <doctest/doctest.h>

#include <image/deflate_samples.hpp>
#include <support/message.hpp>
#include <support/temporary_folder.hpp>

#include <cstddef>

using namespace tessera;
using support::contains;
using support::message;
using support::TemporaryFolder;

namespace {
Bytes idx(std::uint32_t count, std::size_t present) {
    Bytes file{0, 0, 8, 1};
    samples::append_be32(file, count);
    for (std::size_t i = 0; i < present; ++i) file.push_back(static_cast<unsigned char>(i));
    return file;
}
}  // namespace

TEST_CASE("read_idx_file: plain and compressed files give the same bytes") {
    const TemporaryFolder folder;
    const Bytes file = idx(5, 5);
    CHECK(data::read_idx_file<1>(folder.write("a", file)) == file);
    CHECK(data::read_idx_file<1>(folder.write("b.gz", samples::gzip_stored(file))) == file);
    CHECK(data::read_idx_file<1>(folder.write("c", samples::gzip_stored(file))) == file);
}

TEST_CASE("unpack_idx: the content decides whether a file is compressed, not its name") {
    CHECK(data::unpack_idx<1>(idx(5, 5), "a.gz") == idx(5, 5));
    CHECK(data::unpack_idx<1>(samples::gzip_stored(idx(5, 5)), "a") == idx(5, 5));
    CHECK(message<FormatError>([] {
              static_cast<void>(data::unpack_idx<1>(samples::gzip_stored(samples::gzip_stored(idx(5, 5))), "a.gz"));
          }) == "a.gz @0: IDX: the first two bytes must be zero; it looks like a gzip file");
}

TEST_CASE("unpack_idx: surplus bytes, in the content or after the compressed data, stop nothing") {
    CHECK(data::unpack_idx<1>(samples::gzip_stored(idx(5, 7)), "a.gz") == idx(5, 7));
    Bytes padded = samples::gzip_stored(idx(5, 5));
    for (int i = 0; i < 100; ++i) padded.push_back(0);
    CHECK(data::unpack_idx<1>(padded, "a.gz") == idx(5, 5));
    padded.push_back('x');
    CHECK(data::unpack_idx<1>(padded, "a.gz") == idx(5, 5));
}

TEST_CASE("unpack_idx: the array may be divided among members in any way, also with surplus bytes") {
    const Bytes content = idx(5, 5), longer = idx(5, 105);
    for (const Bytes& all : {content, longer})
        for (std::size_t first = 0; first <= all.size(); ++first) {  // also an empty one, and a part of the header
            const auto at = all.begin() + static_cast<std::ptrdiff_t>(first);
            Bytes file = samples::gzip_stored(Bytes(all.begin(), at));
            samples::append(file, samples::gzip_stored(Bytes(at, all.end())));
            CHECK_MESSAGE(data::unpack_idx<1>(file, "a.gz") == all, first);
        }
    Bytes file = samples::gzip_stored(content);  // a last member longer than all before it, and no surplus of 64 KiB
    samples::append(file, samples::gzip_stored(Bytes((64 << 10) + 1)));
    CHECK(contains(message<FormatError>([&] { static_cast<void>(data::unpack_idx<1>(file, "a.gz")); }),
                   "gzip: holds more than the expected 13 bytes"));
}

TEST_CASE("unpack_idx: no more is allocated than the header states") {
    const auto reason = [](ByteView content, const ReadLimits& limits) {
        return message<FormatError>(
            [&] { static_cast<void>(data::unpack_idx<1>(samples::gzip_stored(content), "a.gz", limits)); });
    };
    CHECK(contains(reason(idx(5, 5 + (64 << 10) + 1), {}), "gzip: holds more than the expected 13 bytes"));
    CHECK(contains(reason(idx(5, 4), {}), "gzip content: expected 13, got 12 bytes"));
    CHECK(contains(reason(idx(0xFFFFFFFF, 4), {}), "IDX length: expected at most 1073741824, got 4294967303"));
    CHECK(contains(reason(idx(5, 5), {.inflated = 12}), "IDX length: expected at most 12, got 13"));
    CHECK(contains(reason(Bytes{0, 0, 8}, {}), "IDX header: expected 8, got 3 bytes"));
    CHECK(contains(reason(idx(1 << 28, 4), {}), "bytes cannot hold the 268435464 of the IDX array"));
}

TEST_CASE("read_idx_file: a file longer than the limit is an error") {
    const TemporaryFolder folder;
    const std::string path = folder.write("a", idx(5, 5));
    CHECK(contains(message<FormatError>([&] { static_cast<void>(data::read_idx_file<1>(path, {.file = 12})); }),
                   "expected at most 12 bytes, got 13"));
}
