#pragma once
// file: read_file, InputFile, write_file and absolute_path. All reading and writing of the library goes through them.
//
//   1. On POSIX systems write_file is atomic. The bytes are written to a temporary file in the same folder, fsynced
//      and renamed atomically: at every moment the path names either the old or the new file, complete. If anything
//      fails, the temporary file is removed.
//   2. Only regular files are read, and read_file reads at most the limit that the caller gives: nothing is
//      allocated for a longer file.
//   3. A failure of the system is an IoError with path, step and reason.
//
// Where the path of write_file is a symbolic link, the file that it leads to is replaced, in its own folder, and the
// link is kept; a link to nothing names the file that is made. The new file has the permission bits of the old one, and
// its owner and group where the system allows it. They are set before the first byte is written: who could not read the
// old file cannot read the temporary one. File systems without permissions (vfat, exfat) refuse them with EPERM, ENOSYS
// or ENOTSUP; these are ignored, because every file there has the permissions of the mount.
//
// Errors   ArgumentError where a path is empty or has a NUL in it; IoError where the system reports an error, where
//          links lead in a circle, where a file is not regular, and where a file shrinks while it is read; FormatError
//          (FormatCode::limit) where a file is longer than the limit of read_file
// Cost     read_file allocates the length of the file; InputFile and write_file allocate nothing of that size

#include <tessera/core/error.hpp>
#include <tessera/files/bytes.hpp>
#include <tessera/files/system_files.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {
[[gnu::__noreturn__]] inline void refuse_file(std::string_view where, const std::string& path, std::string_view step,
                                              int reason) {
    std::string message{where};
    message += ": " + path + ": ";
    if (!step.empty()) (message += step) += ": ";
    throw IoError(message + (reason ? std::generic_category().message(reason) : "not a regular file"), path, reason);
}

/// The system would find nothing at an empty path, and would read or write another file than one with a NUL names.
/// `what`: "file" or "folder".
inline void check_path(std::string_view where, const std::string& path, const std::string& what) {
    if (path.empty())
        throw ArgumentError(std::string{where} + ": path: " + expected_got("the name of a " + what, "an empty one"));
    const std::size_t nul = path.find('\0');
    if (nul != std::string::npos)
        throw ArgumentError(std::string{where} + ": " + path.substr(0, nul) +
                            ": path: " + expected_got("no NUL", "one at byte " + std::to_string(nul)));
}
}  // namespace detail

/// A file that is read in parts. size() is the length at the time of opening; a file that shrinks afterwards is an
/// IoError.
template <class Files = SystemFiles>
class InputFile {
public:
    explicit InputFile(std::string path, Files files = {}) : path_{std::move(path)}, files_{std::move(files)} {
        detail::check_path("read_file", path_, "file");
        handle_ = files_.open(path_.c_str());
        if (!Files::is_open(handle_)) detail::refuse_file("read_file", path_, "", errno);
        const std::int64_t size = files_.size(handle_);
        if (size < 0) {
            const int reason = errno;
            files_.close(handle_);
            detail::refuse_file("read_file", path_, "", reason);
        }
        size_ = static_cast<std::uint64_t>(size);
    }
    InputFile(InputFile&& other) noexcept
        : path_{std::move(other.path_)}, files_{std::move(other.files_)}, handle_{other.handle_}, size_{other.size_},
          owner_{std::exchange(other.owner_, false)} {}
    InputFile& operator=(InputFile&&) = delete;
    ~InputFile() {
        if (owner_) files_.close(handle_);
    }

    std::uint64_t size() const { return size_; }
    const std::string& path() const { return path_; }

    /// Fills `to` with the bytes that start at `offset`.
    void read(std::uint64_t offset, std::span<unsigned char> to) {
        constexpr std::size_t at_once = std::size_t{1} << 30;  // some systems fail for larger reads
        for (std::size_t done = 0; done < to.size();) {
            const std::size_t want = (std::min)(to.size() - done, at_once);
            const std::int64_t got = files_.read(handle_, to.data() + done, want, offset + done);
            if (got > 0)
                done += static_cast<std::size_t>(got);
            else if (got == 0)
                throw IoError("read_file: " + path_ + ": the file shrank while it was read: ends at byte " +
                                  std::to_string(offset + done) + ", expected " + std::to_string(size_) + " bytes",
                              path_);
            else if (errno != EINTR)
                detail::refuse_file("read_file", path_, "read", errno);
        }
    }

private:
    std::string path_;
    Files files_;
    typename Files::Handle handle_;
    std::uint64_t size_ = 0;
    bool owner_ = true;
};

/// The whole file. A file longer than `limit` is a FormatError before anything is allocated.
template <class Files = SystemFiles>
[[nodiscard]] Bytes read_file(const std::string& path, std::uint64_t limit, Files files = {}) {
    InputFile<Files> file{path, std::move(files)};
    if (file.size() > limit)
        throw FormatError(FormatCode::limit,
                          "read_file: " + path + ": length: " +
                              expected_got("at most " + std::to_string(limit) + " bytes", std::to_string(file.size())),
                          path);
    Bytes bytes(static_cast<std::size_t>(file.size()));
    file.read(0, bytes);
    return bytes;
}

namespace detail {
inline std::string folder_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

/// The path itself, or where the link at it leads in the end: a file, or a place for one.
template <class Files>
std::string follow_links(const std::string& path, Files& files) {
    constexpr int most_links = 40;  // as many as Linux follows
    std::array<char, 4096> target;
    std::string at = path;
    for (int links = 0; links <= most_links; ++links) {
        const std::int64_t got = files.read_link(at.c_str(), target.data(), target.size());
        if (got < 0) {
            const int reason = errno;
            if (reason == EINVAL || reason == ENOENT) return at;  // no link, or nothing there
            refuse_file("write_file", path, "read the link", reason);
        }
        const std::size_t size = static_cast<std::size_t>(got);
        if (size == target.size()) refuse_file("write_file", path, "read the link", ENAMETOOLONG);
        const std::string to{target.data(), size};
        at = to.starts_with('/') ? to : at.substr(0, at.find_last_of('/') + 1) + to;
    }
    refuse_file("write_file", path, "follow the links", ELOOP);
}

/// Do not all files of this file system have permissions of their own?
inline bool has_no_permissions(int reason) {
    return reason == EPERM || reason == ENOSYS || reason == ENOTSUP || reason == EOPNOTSUPP;
}

/// Names of the temporary files of write_file: ".tessera-<process>-<number>.tmp".
inline constexpr std::string_view temporary_begin = ".tessera-", temporary_end = ".tmp";

/// Writes all pieces and fsyncs. Returns the step that failed, with the reason in errno, or nullptr.
template <class Files>
const char* write_pieces(Files& files, typename Files::Handle h, std::span<const ByteView> pieces) {
    std::uint64_t size = 0;
    for (const ByteView piece : pieces) size += piece.size();
    while (files.reserve(h, size) != 0)
        if (errno != EINTR) return "reserve space";
    constexpr std::size_t most = std::size_t{1} << 30;  // macOS fails for writes of 2 GiB
    for (const ByteView piece : pieces)
        for (std::size_t done = 0; done < piece.size();) {
            const std::int64_t wrote = files.write(h, piece.data() + done, (std::min)(most, piece.size() - done));
            if (wrote > 0)
                done += static_cast<std::size_t>(wrote);
            else if (wrote == 0 || errno != EINTR)
                return "write";
        }
    return files.sync(h) == 0 ? nullptr : "fsync";  // a failed fsync is not retried: the dirty pages may be lost
}
}  // namespace detail

/// The path from the root, which means the same after the program changes its current folder. Links are not resolved.
template <class Files = SystemFiles>
[[nodiscard]] std::string absolute_path(const std::string& path, Files files = {}) {
    if (Files::is_absolute(path.c_str())) return path;
    std::string folder;
    if (files.current_folder(folder) != 0) detail::refuse_file("absolute_path", path, "find the current folder", errno);
    if (!folder.ends_with('/')) folder += '/';
    return folder + path;
}

/// The absolute path, or the path itself where a process may not use that: the current folder was removed, or a folder
/// above it may not be searched.
template <class Files = SystemFiles>
[[nodiscard]] std::string lasting_path(const std::string& path, Files files = {}) {
    std::string folder;
    const bool is_known = Files::is_absolute(path.c_str()) || files.current_folder(folder) == 0;
    if (!is_known || (!folder.empty() && !files.is_replaceable(folder.c_str()) && errno != EISDIR)) return path;
    return absolute_path(path, files);
}

/// Replaces the file at `path` with the concatenated pieces.
template <class Files = SystemFiles>
void write_file(const std::string& path, std::span<const ByteView> pieces, Files files = {}) {
    detail::check_path("write_file", path, "file");
    if (!files.is_replaceable(path.c_str())) detail::refuse_file("write_file", path, "", errno);
    const std::string target = detail::follow_links(path, files);
    const auto refuse = [&](const char* step, int why) {
        const std::string link = target == path ? "" : "link to " + target + ": ";
        detail::refuse_file("write_file", path, link + step, why);
    };
    const std::string folder = detail::folder_of(target);
    const bool is_old = files.exists(target.c_str());
    std::string temporary;
    typename Files::Handle h{};
    constexpr int attempts = 100;  // a killed process may have left temporary files behind
    for (int i = 0; i < attempts; ++i) {
        temporary = folder + '/' + std::string{detail::temporary_begin} + std::to_string(files.process()) + '-' +
                    std::to_string(i) + std::string{detail::temporary_end};
        h = files.create(temporary.c_str(), is_old);
        if (Files::is_open(h) || errno != EEXIST) break;
    }
    if (!Files::is_open(h)) refuse("create a temporary file in the same folder", errno);

    const char* failed = nullptr;
    if (files.keep_permissions(h, target.c_str()) != 0 && !detail::has_no_permissions(errno))
        failed = "keep the permissions of the old file";
    if (!failed) failed = detail::write_pieces(files, h, pieces);
    int reason = errno;
    if (files.close(h) != 0 && !failed && errno != EINTR) {
        failed = "close";
        reason = errno;
    }
    if (!failed && files.rename(temporary.c_str(), target.c_str()) != 0) {
        failed = "rename";
        reason = errno;
    }
    if (failed) {
        files.remove(temporary.c_str());
        refuse(failed, reason);
    }
    if (files.sync_folder(folder.c_str()) != 0) refuse("fsync of the folder", errno);
}
template <class Files = SystemFiles>
void write_file(const std::string& path, ByteView bytes, Files files = {}) {
    write_file(path, std::span{&bytes, 1}, std::move(files));
}

}  // namespace tessera
