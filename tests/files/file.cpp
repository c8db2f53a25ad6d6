#include <tessera/files/file.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/system_double.hpp>
#include <support/temporary_folder.hpp>

#include <cstdlib>

using namespace tessera;
using support::contains;
using support::Fault;
using support::FaultFiles;
using support::message;
using support::TemporaryFolder;

namespace {

Bytes pattern(std::size_t size, unsigned factor) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i * factor);
    return bytes;
}

}  // namespace

TEST_CASE("write_file: read_file returns what was written, also after an old file was replaced") {
    const TemporaryFolder folder;
    const std::string path = folder / "a.bin";
    for (const std::size_t size : {0u, 1u, 4097u, 1u << 20}) {
        const Bytes bytes = pattern(size, 7);
        write_file(path, bytes);
        CHECK(read_file(path, 1 << 20) == bytes);
    }
    CHECK(folder.entries() == 1);
}

TEST_CASE("write_file: a failure at any call leaves the old file and nothing else") {
    const TemporaryFolder folder;
    const std::string path = folder / "a.bin";
    const Bytes old = pattern(100, 3), fresh = pattern(5000, 5);
    for (const int reason : {ENOSPC, EIO, EFBIG, EROFS, EACCES, EXDEV}) {
        int calls = 0;
        for (int fail_at = 0;; ++fail_at) {
            write_file(path, old);
            Fault plan{.fail_at = fail_at, .reason = reason, .most = 2000};
            const std::string text = message<IoError>([&] { write_file(path, fresh, FaultFiles{plan}); });
            if (text.empty()) {
                calls = fail_at;
                CHECK(read_file(path, 5000) == fresh);
                break;
            }
            const bool after_rename = contains(text, "fsync of the folder");
            CAPTURE(text);
            CHECK((read_file(path, 5000) == (after_rename ? fresh : old) && folder.entries() == 1));
            CHECK((contains(text, path) && contains(text, std::generic_category().message(reason))));
        }
        CHECK(calls == 9);  // create, reserve, three writes, fsync, close, rename, fsync of the folder
    }
}

TEST_CASE("write_file: short and interrupted writes are continued") {
    const TemporaryFolder folder;
    const Bytes bytes = pattern(300, 11);
    Fault plan{.most = 1, .interrupted = true};
    write_file(folder / "a.bin", bytes, FaultFiles{plan});
    CHECK(read_file(folder / "a.bin", 300) == bytes);
    Fault reads{.most = 1, .interrupted = true};
    CHECK(read_file(folder / "a.bin", 300, FaultFiles{reads}) == bytes);
}

TEST_CASE("write_file: skips temporary names that exist already") {
    const TemporaryFolder folder;
    SystemFiles system;
    const std::string name = ".tessera-" + std::to_string(system.process()) + "-0.tmp";
    folder.write(name, pattern(3, 1));
    write_file(folder / "a.bin", pattern(10, 2));
    CHECK(read_file(folder / "a.bin", 10) == pattern(10, 2));
    CHECK(read_file(folder / name, 10) == pattern(3, 1));
}

TEST_CASE("write_file: a reader that has the old file open keeps its content") {
    const TemporaryFolder folder;
    const std::string path = folder.write("a.bin", pattern(10, 1));
    InputFile<> old{path};
    write_file(path, pattern(10, 2));
    Bytes bytes(10);
    old.read(0, bytes);
    CHECK(bytes == pattern(10, 1));
}

TEST_CASE("read_file: every failing call is an IoError with the path, and closes the file") {
    const TemporaryFolder folder;
    const std::string path = folder.write("a.bin", pattern(100, 1));
    for (int fail_at = 0; fail_at < 3; ++fail_at) {
        Fault plan{.fail_at = fail_at, .reason = EIO};
        const std::string text = message<IoError>([&] { static_cast<void>(read_file(path, 100, FaultFiles{plan})); });
        CHECK((contains(text, "read_file: " + path) && contains(text, "Input/output error")));
    }
}

TEST_CASE("read_file: a missing file, one that is not regular and one beyond the limit are errors") {
    const TemporaryFolder folder;
    const auto read = [&](const std::string& path) {
        return message<IoError>([&] { static_cast<void>(read_file(path, 10)); });
    };
    CHECK(contains(read(folder / "none"), "none: No such file or directory"));
    CHECK(contains(read(folder.str()), ": Is a directory"));
    CHECK(contains(read("/dev/zero"), "/dev/zero: not a regular file"));
    const std::string pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(contains(read(pipe), "pipe: not a regular file"));
    const std::string loop = folder / "loop";
    REQUIRE(::symlink(loop.c_str(), loop.c_str()) == 0);
    CHECK(contains(read(loop), "Too many levels of symbolic links"));
    const std::string path = folder.write("long", pattern(11, 1));
    CHECK(message<FormatError>([&] { static_cast<void>(read_file(path, 10)); }) ==
          "read_file: " + path + ": length: expected at most 10 bytes, got 11");
}

TEST_CASE("read_file: a file that shrinks while it is read is an IoError") {
    const TemporaryFolder folder;
    const std::string path = folder.write("a.bin", pattern(100, 1));
    InputFile<> file{path};
    std::filesystem::resize_file(path, 40);
    Bytes bytes(100);
    CHECK(message<IoError>([&] { file.read(0, bytes); }) ==
          "read_file: " + path + ": the file shrank while it was read: ends at byte 40, expected 100 bytes");
}

TEST_CASE("InputFile: reads at offsets beyond 4 GiB") {
    const TemporaryFolder folder;
    const std::string path = folder.write("sparse", {});
    constexpr std::uint64_t size = std::uint64_t{5} << 30;
    std::filesystem::resize_file(path, size - 1);
    std::ofstream{path, std::ios::app | std::ios::binary}.put('x');
    InputFile<> file{path};
    Bytes last(2, 1);
    file.read(size - 2, last);
    CHECK((file.size() == size && last == Bytes{0, 'x'}));
}

TEST_CASE("write_file: a folder, a device and a missing parent folder are errors") {
    const TemporaryFolder folder;
    const auto write = [&](const std::string& path) {
        return message<IoError>([&] { write_file(path, pattern(3, 1)); });
    };
    CHECK(contains(write(folder.str()), ": Is a directory"));
    CHECK(contains(write("/dev/null"), "/dev/null: not a regular file"));
    CHECK(contains(write(folder / "none/a"), "create a temporary file in the same folder: No such file or directory"));
    CHECK(folder.entries() == 0);
}
