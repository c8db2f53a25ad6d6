#include <tessera/files/file.hpp>

#include <doctest/doctest.h>

#include <support/message.hpp>
#include <support/system_double.hpp>
#include <support/temporary_folder.hpp>

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

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

unsigned mode_of(const std::string& path) {
    struct ::stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777u : ~0u;
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
        CHECK(calls == 11);  // read_link, create, keep_permissions, reserve, three writes, fsync, close, rename, fsync
    }
}

TEST_CASE("write_file: where the path is a link, the file that it leads to is replaced, and the link is kept") {
    const TemporaryFolder folder;
    namespace fs = std::filesystem;
    fs::create_directories(folder / "here");
    fs::create_directories(folder / "disk");
    const std::string target = folder.write("disk/x", pattern(100, 3)), link = folder / "here/latest";
    SUBCASE("absolute") { fs::create_symlink(target, link); }
    SUBCASE("relative to its own folder") { fs::create_symlink("../disk/x", link); }
    SUBCASE("through another link") {
        fs::create_symlink("x", folder / "disk/y");
        fs::create_symlink("../disk/y", link);
    }
    SUBCASE("to a file that is not there yet") {
        fs::remove(target);
        fs::create_symlink("../disk/x", link);
    }
    write_file(link, pattern(5000, 5));
    CHECK(fs::is_symlink(link));
    CHECK((fs::is_regular_file(fs::symlink_status(target)) && read_file(target, 5000) == pattern(5000, 5)));

    // The temporary file is in the folder of the real one: a rename from another disk would fail.
    for (int fail_at = 0;; ++fail_at) {
        write_file(target, pattern(100, 3));
        Fault plan{.fail_at = fail_at, .reason = ENOSPC};
        const std::string text = message<IoError>([&] { write_file(link, pattern(50, 5), FaultFiles{plan}); });
        if (text.empty()) break;
        CAPTURE(text);
        CHECK(text.starts_with("write_file: " + link + ": "));
        const std::string real = fs::read_symlink(link) == target ? target : folder / "here/../disk/x";
        CHECK(contains(text, ": link to " + real + ": ") == (std::string_view{plan.failed} != "read_link"));
        CHECK(fs::is_symlink(link));
        if (std::string_view{plan.failed} != "sync_folder") CHECK(read_file(target, 100) == pattern(100, 3));
    }
    std::size_t left = 0;
    for (const auto& entry : fs::recursive_directory_iterator{folder.str()})
        left += entry.path().filename().string().ends_with(".tmp");
    CHECK(left == 0);
}

TEST_CASE("write_file: links in a circle, and a link into a folder that is not there, are errors") {
    const TemporaryFolder folder;
    const auto write = [&](const std::string& path) {
        return message<IoError>([&] { write_file(path, pattern(3, 1)); });
    };
    std::filesystem::create_symlink("b", folder / "a");
    std::filesystem::create_symlink("a", folder / "b");
    CHECK(write(folder / "a") == "write_file: " + (folder / "a") + ": " + std::generic_category().message(ELOOP));
    std::filesystem::create_symlink("none/x", folder / "c");
    CHECK(write(folder / "c") == "write_file: " + (folder / "c") + ": link to " + (folder / "none/x") +
                                     ": create a temporary file in the same folder: No such file or directory");
    CHECK(folder.entries() == 3);
}

TEST_CASE("write_file: a link is found by its relative path, too") {
    const TemporaryFolder folder;
    const std::string target = folder.write("x", pattern(10, 1));
    std::filesystem::create_symlink("x", folder / "a");
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(folder.str());
    const std::string text = message<Error>([&] { write_file("a", pattern(20, 2)); });
    std::filesystem::current_path(before);
    CHECK(text == "");
    CHECK((std::filesystem::is_symlink(folder / "a") && read_file(target, 20) == pattern(20, 2)));
}

TEST_CASE(
    "write_file: a file that is replaced keeps its permissions, which the temporary file has from its first byte") {
    const TemporaryFolder folder;
    const std::string path = folder / "a.bin";
    write_file(path, pattern(10, 1));
    const unsigned fresh = mode_of(path);
    for (const unsigned mode : {0600u, 0640u, 0444u, 0664u, 0755u}) {
        REQUIRE(::chmod(path.c_str(), static_cast<::mode_t>(mode)) == 0);
        write_file(path, pattern(20, mode));
        CHECK(mode_of(path) == mode);
        CHECK(read_file(path, 20) == pattern(20, mode));
    }
    struct Watch : SystemFiles {
        unsigned *made, *seen;
        Watch(unsigned& m, unsigned& s) : made{&m}, seen{&s} {}
        Handle create(const char* name, bool is_private) {
            const Handle h = SystemFiles::create(name, is_private);
            struct ::stat info {};
            if (::fstat(h, &info) == 0) *made = info.st_mode & 07777u;
            return h;
        }
        std::int64_t write(Handle h, const unsigned char* from, std::size_t count) {
            struct ::stat info {};
            if (::fstat(h, &info) == 0) *seen = info.st_mode & 07777u;
            return SystemFiles::write(h, from, count);
        }
    };
    for (const unsigned mode : {0600u, 0640u}) {
        REQUIRE(::chmod(path.c_str(), static_cast<::mode_t>(mode)) == 0);
        unsigned made = 0, at_first_byte = 0;
        write_file(path, pattern(20, 1), Watch{made, at_first_byte});
        CHECK(made == 0600u);  // nobody else can open it before it has the old permissions
        CHECK(at_first_byte == mode);
    }
    std::filesystem::remove(path);
    write_file(path, pattern(10, 1));
    CHECK(mode_of(path) == fresh);
}

TEST_CASE(
    "write_file: a file that is replaced keeps its owner and group, or its group's rights are not given to another") {
    if (::geteuid() != 0) {
        MESSAGE("SKIPPED: only root can make files of others");
        return;
    }
    const TemporaryFolder folder;
    const std::string path = folder.write("a.bin", pattern(10, 1));
    constexpr unsigned other = 65534;
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    REQUIRE(::chown(path.c_str(), other, other) == 0);
    write_file(path, pattern(20, 2));
    struct ::stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_uid == other && info.st_gid == other && (info.st_mode & 07777u) == 0640u));

    REQUIRE(::chown(path.c_str(), other, 0) == 0);
    REQUIRE(::chown(folder.str().c_str(), other, other) == 0);
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool dropped = ::setgroups(0, nullptr) == 0 && ::setgid(other) == 0 && ::setuid(other) == 0;
        ::_exit(dropped && message<Error>([&] { write_file(path, pattern(30, 3)); }).empty() ? 17 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 17));
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_uid == other && info.st_gid == other && (info.st_mode & 07777u) == 0600u));
}

TEST_CASE("write_file: a file system without permissions is no reason to fail") {
    const TemporaryFolder folder;
    const std::string path = folder / "a.bin";
    for (const int reason : {EPERM, ENOSYS, ENOTSUP, EOPNOTSUPP}) {
        write_file(path, pattern(10, 1));
        Fault plan{.fail_at = 2, .reason = reason};
        CHECK_NOTHROW(write_file(path, pattern(20, 2), FaultFiles{plan}));
        CHECK(std::string{plan.failed} == "keep_permissions");
        CHECK(read_file(path, 20) == pattern(20, 2));
    }
    Fault plan{.fail_at = 2, .reason = EIO};
    CHECK(message<IoError>([&] { write_file(path, pattern(3, 3), FaultFiles{plan}); }) ==
          "write_file: " + path + ": keep the permissions of the old file: Input/output error");
}

TEST_CASE("write_file, read_file: an empty path and one with a NUL are ArgumentErrors") {
    const TemporaryFolder folder;
    const auto write = [](const std::string& path) {
        return message<ArgumentError>([&] { write_file(path, pattern(3, 1)); });
    };
    const auto read = [](const std::string& path) {
        return message<ArgumentError>([&] { static_cast<void>(read_file(path, 10)); });
    };
    CHECK(write("") == "write_file: path: expected the name of a file, got an empty one");
    CHECK(read("") == "read_file: path: expected the name of a file, got an empty one");
    const std::string before = folder.write("cut", pattern(5, 1)), path = before + '\0' + ".st";
    const std::string why = ": path: expected no NUL, got one at byte " + std::to_string(before.size());
    CHECK(write(path) == "write_file: " + before + why);
    CHECK(read(path) == "read_file: " + before + why);
    CHECK((folder.entries() == 1 && read_file(before, 5) == pattern(5, 1)));
}

TEST_CASE("absolute_path: a relative path starts from the current folder, which may have a long name") {
    CHECK(absolute_path("/a/b") == "/a/b");
    const TemporaryFolder folder;
    const std::filesystem::path before = std::filesystem::current_path();
    const std::string deep =
        std::filesystem::canonical(folder.str()).string() + '/' + std::string(200, 'x') + '/' + std::string(200, 'y');
    std::filesystem::create_directories(deep);
    std::filesystem::current_path(deep);
    const std::string path = absolute_path("a/b");
    Fault plan{.fail_at = 0, .reason = ENOENT};
    const std::string text = message<IoError>([&] { static_cast<void>(absolute_path("a/b", FaultFiles{plan})); });
    std::filesystem::current_path("/");
    const std::string below_root = absolute_path("a");
    std::filesystem::current_path(before);
    CHECK(path == deep + "/a/b");
    CHECK(below_root == "/a");
    CHECK(text == "absolute_path: a/b: find the current folder: No such file or directory");
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
