#pragma once
// SystemFiles: the system calls for reading and writing files, the only ones that the library makes.
//
// Their names are in parentheses, because some hosts have macros with arguments that are called open, read or close.
//
// Tests substitute a type with the same functions, which makes each call fail in turn, kills the process at a call, or
// simulates a loss of power after it.
//
// Errors   every function returns a negative number (or false) and sets errno where the system fails, and throws
//          nothing except what the callback of list() throws

#include <tessera/core/abi.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#if defined(__unix__) || defined(__APPLE__)
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/xattr.h>
#endif

#include <memory>
#else
#include <filesystem>
#include <system_error>
#endif

namespace tessera::inline TESSERA_ABI {

#if defined(__unix__) || defined(__APPLE__)

struct SystemFiles {
    using Handle = int;

    static bool is_open(Handle h) { return h >= 0; }
    // Without O_NONBLOCK, opening a pipe without a writer would never return.
    Handle open(const char* path) { return (::open)(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); }
    /// Creates a file for writing; fails if it exists. A private one is for this user only.
    Handle create(const char* path, bool is_private) {
        const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
        return (::open)(path, flags, is_private ? 0600 : 0666);
    }
    /// Length of a regular file; fails for a folder, a pipe or a device.
    std::int64_t size(Handle h) {
        struct ::stat info {};
        if ((::fstat)(h, &info) != 0) return -1;
        if (S_ISREG(info.st_mode)) return info.st_size;
        errno = S_ISDIR(info.st_mode) ? EISDIR : 0;  // 0: neither file nor folder
        return -1;
    }
    /// False if the path names something that a file must not replace (a folder, a device).
    bool is_replaceable(const char* path) {
        struct ::stat info {};
        if ((::stat)(path, &info) != 0)
            return errno == ENOENT;  // the system may refuse to follow a link of another user
        if (S_ISREG(info.st_mode)) return true;
        errno = S_ISDIR(info.st_mode) ? EISDIR : 0;
        return false;
    }
    bool exists(const char* path) {
        struct ::stat info {};
        return (::stat)(path, &info) == 0;
    }
    /// Where a symbolic link leads: the length of what was written to `to`; EINVAL where the path names no link.
    std::int64_t read_link(const char* path, char* to, std::size_t size) { return (::readlink)(path, to, size); }
    /// Gives a new file the owner, group and permission bits of the file at `path`, if there is one. Where the system
    /// does not let this process keep the group, the new group gets the rights of others.
    int keep_permissions(Handle h, const char* path) {
        struct ::stat old {};
        struct ::stat fresh {};
        if ((::stat)(path, &old) != 0) return errno == ENOENT ? 0 : -1;
        if ((::fstat)(h, &fresh) != 0) return -1;
        ::mode_t mode = old.st_mode & 0777u;
        const ::mode_t group_as_others = (mode & ~070u) | (mode & 07u) << 3;
#if defined(__linux__)
        // the bits of the group are the mask of an access control list, which is not copied
        if ((::getxattr)(path, "system.posix_acl_access", nullptr, 0) > 0) mode = group_as_others;
#endif
        const bool same_owner = old.st_uid == fresh.st_uid && old.st_gid == fresh.st_gid;
        if (!same_owner && (::fchown)(h, old.st_uid, old.st_gid) != 0 &&
            (::fchown)(h, static_cast<::uid_t>(-1), old.st_gid) != 0)
            mode = group_as_others;
        return mode == (fresh.st_mode & 0777u) ? 0 : (::fchmod)(h, mode);
    }
    std::int64_t read(Handle h, unsigned char* to, std::size_t count, std::uint64_t offset) {
        return (::pread)(h, to, count, static_cast<::off_t>(offset));
    }
    std::int64_t write(Handle h, const unsigned char* from, std::size_t count) { return (::write)(h, from, count); }
    /// Reserves the space for a new file, so that a full disk is reported before the first byte is written.
    int reserve(Handle h, std::uint64_t size) {
#if defined(__linux__)
        if (size == 0) return 0;
        const int reason = (::posix_fallocate)(h, 0, static_cast<::off_t>(size));
        if (reason == 0 || reason == EINVAL || reason == EOPNOTSUPP) return 0;  // not supported by the file system
        errno = reason;
        return -1;
#else
        return static_cast<void>(h), static_cast<void>(size), 0;
#endif
    }
    int sync(Handle h) { return (::fsync)(h); }
    int close(Handle h) { return (::close)(h); }
    int rename(const char* from, const char* to) { return (::rename)(from, to); }
    int remove(const char* path) { return (::unlink)(path); }
    /// Makes a rename in this folder survive a loss of power.
    int sync_folder(const char* path) {
        const int h = (::open)(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (h < 0) return -1;
        int result = (::fsync)(h);
        if (result != 0 && errno == EINVAL) result = 0;  // not supported by the file system
        const int reason = errno;
        (::close)(h);
        errno = reason;
        return result;
    }
    /// Creates a folder; succeeds if the folder exists.
    int make_folder(const char* path) { return (::mkdir)(path, 0777) == 0 || errno == EEXIST ? 0 : -1; }
    /// Opens the folder and locks it exclusively until it is closed; EWOULDBLOCK where it is locked already.
    Handle lock_folder(const char* path) {
        const int h = (::open)(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (h < 0 || (::flock)(h, LOCK_EX | LOCK_NB) == 0) return h;
        const int reason = errno;
        (::close)(h);
        errno = reason;
        return -1;
    }
    /// f(name) for every entry of the folder.
    template <class F>
    int list(const char* path, F f) {
        struct Close {
            void operator()(::DIR* d) const { (::closedir)(d); }
        };
        std::unique_ptr<::DIR, Close> folder{(::opendir)(path)};  // f may throw
        if (!folder) return -1;
        int reason = 0;
        for (;;) {
            errno = 0;  // only errno tells the end of the folder from a failure of readdir
            const ::dirent* entry = (::readdir)(folder.get());
            reason = errno;
            if (!entry) break;
            f(static_cast<const char*>(entry->d_name));
        }
        folder.reset();
        errno = reason;
        return reason == 0 ? 0 : -1;
    }
    static bool is_absolute(const char* path) { return *path == '/'; }
    /// The folder that relative paths start from.
    int current_folder(std::string& to) {
        constexpr std::size_t most = std::size_t{1} << 20;
        for (std::size_t size = 256; size <= most; size *= 2) {
            to.resize(size);
            if ((::getcwd)(to.data(), size)) {
                to.resize(to.find('\0'));
                return 0;
            }
            if (errno != ERANGE) break;
        }
        return -1;
    }
    /// Distinguishes the temporary files of two processes, and the owner of a lock from a child that inherits it.
    std::uint64_t process() { return static_cast<std::uint64_t>((::getpid)()); }
    bool is_running(std::uint64_t process) { return (::kill)(static_cast<::pid_t>(process), 0) == 0 || errno != ESRCH; }
};

#else

/// Standard C only: files up to the range of a long, no guarantee after a loss of power, links are replaced, and a new
/// file has the permissions of a new file.
struct SystemFiles {
    using Handle = std::FILE*;

    static bool is_open(Handle h) { return h != nullptr; }
    Handle open(const char* path) { return std::fopen(path, "rb"); }
    Handle create(const char* path, bool) { return std::fopen(path, "wbx"); }
    std::int64_t size(Handle h) { return std::fseek(h, 0, SEEK_END) == 0 ? std::ftell(h) : -1; }
    bool is_replaceable(const char*) { return true; }
    bool exists(const char*) { return true; }
    std::int64_t read_link(const char*, char*, std::size_t) {
        errno = EINVAL;
        return -1;
    }
    int keep_permissions(Handle, const char*) { return 0; }
    std::int64_t read(Handle h, unsigned char* to, std::size_t count, std::uint64_t offset) {
        if (std::fseek(h, static_cast<long>(offset), SEEK_SET) != 0) return -1;
        const std::size_t got = std::fread(to, 1, count, h);
        return got == 0 && std::ferror(h) ? -1 : static_cast<std::int64_t>(got);
    }
    std::int64_t write(Handle h, const unsigned char* from, std::size_t count) {
        const std::size_t done = std::fwrite(from, 1, count, h);
        return done == 0 && count != 0 ? -1 : static_cast<std::int64_t>(done);
    }
    int sync(Handle h) { return std::fflush(h); }
    int close(Handle h) { return std::fclose(h); }
    int rename(const char* from, const char* to) {
        std::remove(to);
        return std::rename(from, to);
    }
    int remove(const char* path) { return std::remove(path); }
    int sync_folder(const char*) { return 0; }
    int reserve(Handle, std::uint64_t) { return 0; }
    int make_folder(const char* path) {
        std::error_code error;
        std::filesystem::create_directory(path, error);
        return error ? -1 : 0;
    }
    Handle lock_folder(const char*) { return std::tmpfile(); }  // locks nothing
    template <class F>
    int list(const char* path, F f) {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator{path, error})
            f(entry.path().filename().string().c_str());
        return error ? -1 : 0;
    }
    /// Also what begins at the root of a drive, or in the current folder of one.
    static bool is_absolute(const char* path) {
        const std::filesystem::path p{path};
        return p.has_root_name() || p.has_root_directory();
    }
    int current_folder(std::string& to) {
        std::error_code error;
        to = std::filesystem::current_path(error).string();
        if (error) errno = error.value();
        return error ? -1 : 0;
    }
    std::uint64_t process() { return 0; }
    bool is_running(std::uint64_t) { return false; }
};

#endif

}  // namespace tessera
