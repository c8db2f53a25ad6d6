#pragma once
// Checkpoints: a folder of complete training states; a run that is resumed from the newest one continues bit for bit.
//
//     Checkpoints checkpoints{"run"};                                     // creates, locks and tests the folder
//     if (auto last = checkpoints.newest()) io::load(last->file, trainer);
//     while (trainer.steps() < steps) {
//         trainer.step(...);
//         if (trainer.steps() % 500 == 0) checkpoints.save(trainer.steps(), io::collect(trainer));
//     }
//
// A checkpoint is one safetensors file, step-000000000500.safetensors. It contains everything that is not a function of
// seed, options and step; a program adds its own state. The guarantees:
//   1. save() returns when the file is on the disk under its name. A crash or a power loss at any moment leaves every
//      checkpoint that was saved, and no partial file under the name of a checkpoint.
//   2. When save() fails it throws an IoError, earlier checkpoints are unchanged, and training can continue.
//   3. newest() returns the highest step whose file is complete, as its checksum shows. A damaged file, or
//      one that the disk cannot read (EIO), is skipped, renamed to "<name>.damaged" and reported.
//   4. A folder has one owner: another Checkpoints for it, in any process, is refused (CheckpointsOptions::lock). So is
//      a child of fork(), which inherits the lock: a daemon forks before.
//   5. A relative folder is made absolute once, where the system allows it: a program may change its current folder.
// The checksum detects accidents, not an attacker: load checkpoints of people you trust.
//
// Errors   IoError where the system refuses a call, or the folder is in use
//          ArgumentError where keep < 2, where the folder is "" or has a NUL in it, where a step is below one that is
//          in the folder, or has more than 12 digits
//          StateError where a child of fork() saves, or reads the newest one, unless the folder is not locked
//          FormatError where no file is complete (it lists the files and their reasons), where a file is larger than
//          file_limit, and where it comes from a later version
// Cost     save writes and fsyncs one file of the size of the state; newest reads one whole file, and the damaged ones
//
// Over 250 lines: each way in which a folder can be refused has its sentence.

#include <tessera/core/error.hpp>
#include <tessera/files/file.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/io/safetensors_writer.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct CheckpointsOptions {
    std::size_t keep = 2;  ///< checkpoints that are kept; at least 2, because a disk may damage one
    std::uint64_t file_limit = std::uint64_t{64} << 30;  ///< bytes of the largest file that newest() reads
    bool lock = true;  ///< false: for file systems without locks; the host then makes sure that there is one writer
};

/// A complete checkpoint, ready for io::load.
struct Checkpoint {
    std::uint64_t step = 0;
    io::SafetensorsFile file;
    std::vector<std::string> skipped;  ///< newer files that were skipped: path and reason
};

/// Files: the calls to the system; tests pass ones that fail, kill the process and lose power.
template <class Files = SystemFiles>
class BasicCheckpoints {
public:
    explicit BasicCheckpoints(std::string folder, CheckpointsOptions options = {}, Files files = {})
        : folder_{std::move(folder)}, options_{options}, files_{std::move(files)} {
        if (options_.keep < 2)
            throw ArgumentError("Checkpoints: keep: " + expected_got("at least 2", std::to_string(options_.keep)));
        detail::check_path("Checkpoints", folder_, "folder");
        folder_ = lasting_path(folder_, files_);
        while (folder_.size() > 1 && folder_.back() == '/')
            folder_.pop_back();  // otherwise the folder would be its own parent
        if (files_.make_folder(folder_.c_str()) != 0) refuse("make the folder", errno);
        // a power loss could remove a new folder with its content; a parent without read permission is not our
        // responsibility
        if (files_.sync_folder(detail::folder_of(folder_).c_str()) != 0 && errno != EACCES)
            refuse("fsync of the folder above", errno);
        if (options_.lock) lock();
        try {
            remove_leftovers_and_probe();
        } catch (...) {
            unlock();
            throw;
        }
    }
    BasicCheckpoints(const BasicCheckpoints&) = delete;
    BasicCheckpoints& operator=(const BasicCheckpoints&) = delete;
    ~BasicCheckpoints() { unlock(); }

    /// Its absolute path.
    [[nodiscard]] const std::string& folder() const { return folder_; }

    /// The steps of all checkpoints in the folder, damaged ones included, in rising order.
    [[nodiscard]] std::vector<std::uint64_t> steps() {
        std::vector<std::uint64_t> found;
        const auto add = [&](std::string_view name) {
            if (const auto step = step_of(name)) found.push_back(*step);
        };
        if (files_.list(folder_.c_str(), add) != 0) refuse("list the folder", errno);
        std::sort(found.begin(), found.end());
        return found;
    }

    /// `file` is the result of io::collect, possibly with more entries. A step below one in the folder is an
    /// ArgumentError: the folder then belongs to another run.
    void save(std::uint64_t step, io::SafetensorsWriter file) {
        check_owner();
        const std::vector<std::uint64_t> before = steps();
        if (!before.empty() && before.back() > step)
            throw ArgumentError(
                "Checkpoints: " + folder_ + ": step: " +
                expected_got("at least " + std::to_string(before.back()) + ", which is there from another run",
                             std::to_string(step)));
        file.metadata(version_key, version);
        file.metadata(step_key, std::to_string(step));
        try {
            file.write(path_of(step), files_);
        } catch (const IoError& e) {
            std::string text = std::string{"Checkpoints: "} + e.what();
            if (!before.empty()) text += "; the checkpoint of step " + std::to_string(before.back()) + " is kept";
            throw IoError(text, e.path(), e.reason());
        }
        // A file that cannot be removed now is tried again after the next save.
        const std::size_t old = before.size() - (!before.empty() && before.back() == step);
        for (std::size_t i = 0; i + (options_.keep - 1) < old; ++i) files_.remove(path_of(before[i]).c_str());
    }

    /// std::nullopt when no step has been saved yet.
    [[nodiscard]] std::optional<Checkpoint> newest() {
        check_owner();  // damaged files are renamed
        std::vector<std::string> damaged;
        const std::vector<std::uint64_t> all = steps();
        for (std::size_t i = all.size(); i-- > 0;) {
            std::optional<io::SafetensorsFile> file;
            try {
                file.emplace(open(all[i]));
            } catch (const FormatError& e) {
                if (e.code() == FormatCode::limit) throw;  // larger than the host allows, but not damaged
                damaged.push_back(e.what());
                continue;
            } catch (const IoError& e) {
                if (e.reason() != EIO) throw;  // a bad sector is damage; other errors of the system may be temporary
                damaged.push_back(e.what());
                continue;
            }
            // A complete file of a later version is an error: an older checkpoint must not be preferred to it.
            if (const auto found = file->metadata(version_key); found != version)
                throw FormatError(FormatCode::version,
                                  file->name() +
                                      ": version of the checkpoint: " + expected_got(version, io::printable(*found)),
                                  file->name());
            rename_damaged(std::span{all}.subspan(i + 1));
            return Checkpoint{all[i], std::move(*file), std::move(damaged)};
        }
        if (damaged.empty()) return std::nullopt;
        std::string text = "Checkpoints: " + folder_ + ": no checkpoint is complete:";
        for (const std::string& reason : damaged) text += "\n  " + reason;
        throw FormatError(FormatCode::checksum, text, folder_);
    }

private:
    static constexpr const char* version_key = "tessera.checkpoint.version";
    static constexpr const char* step_key = "tessera.checkpoint.step";
    static constexpr const char* version = "1";
    static constexpr std::string_view begin = "step-", end = ".safetensors";
    static constexpr std::size_t digits = 12;

    [[gnu::__noreturn__]] void refuse(const char* what, int reason) const {
        detail::refuse_file("Checkpoints", folder_, what, reason);
    }

    void lock() {
        const auto handle = files_.lock_folder(folder_.c_str());
        if (Files::is_open(handle)) {
            lock_ = handle;
            owner_ = files_.process();
            return;
        }
        const int reason = errno;
        if (reason == EWOULDBLOCK) refuse("is in use: another trainer writes its checkpoints here", reason);
        if (reason == ENOSYS || reason == ENOLCK || reason == EOPNOTSUPP || reason == ENOTSUP)
            refuse("lock the folder (CheckpointsOptions{.lock = false} goes without)", reason);
        refuse("open the folder", reason);
    }
    void check_owner() {
        if (lock_ && files_.process() != owner_)
            throw StateError(
                "Checkpoints: " + folder_ + ": process: " +
                expected_got(std::to_string(owner_) + ", which locked the folder",
                             std::to_string(files_.process()) +
                                 ": only the process that opened the folder may use it, not its children"));
    }
    // In a child of fork() this leaves the lock of the parent, which has the folder open, too.
    void unlock() {
        if (lock_) files_.close(*lock_);
        lock_.reset();
    }

    static std::optional<std::uint64_t> step_of(std::string_view name) {
        if (name.size() != begin.size() + digits + end.size() || !name.starts_with(begin) || !name.ends_with(end))
            return std::nullopt;
        std::uint64_t step = 0;
        for (const char c : name.substr(begin.size(), digits)) {
            if (c < '0' || c > '9') return std::nullopt;
            step = step * 10 + static_cast<std::uint64_t>(c - '0');
        }
        return step;
    }
    std::string path_of(std::uint64_t step) const {
        const std::string text = std::to_string(step);
        if (text.size() > digits)
            throw ArgumentError("Checkpoints: step: " + expected_got("at most 999999999999", text));
        return folder_ + '/' + std::string{begin} + std::string(digits - text.size(), '0') + text + std::string{end};
    }

    /// Reads the whole file into memory first, so that the bytes that were checked are the bytes that are loaded.
    io::SafetensorsFile open(std::uint64_t step) {
        const std::string path = path_of(step);
        io::SafetensorsFile file{read_file(path, options_.file_limit, files_), path};
        const auto its_step = file.metadata(step_key);
        if (!file.metadata(version_key) || !its_step)
            throw FormatError(FormatCode::mismatch,
                              path + ": no checkpoint: " + version_key + " or " + step_key + " is missing", path);
        file.verify_checksum();
        if (*its_step != std::to_string(step))
            throw FormatError(FormatCode::mismatch,
                              path + ": step: " + expected_got(std::to_string(step), io::printable(*its_step)), path);
        return file;
    }
    void rename_damaged(std::span<const std::uint64_t> steps_of_damaged) {
        for (const std::uint64_t step : steps_of_damaged) {
            const std::string path = path_of(step);
            if (files_.rename(path.c_str(), (path + ".damaged").c_str()) != 0) refuse("rename a damaged file", errno);
        }
    }

    /// Removes temporary files of killed processes, and finds out now, not hours later, whether files can be written.
    void remove_leftovers_and_probe() {
        std::vector<std::string> left;
        const std::string_view probe_name = ".tessera-probe";
        const auto look = [&](std::string_view name) {
            // write_file would follow a link with the name of the probe, and write zeros to what it leads to
            if (name == probe_name || is_left_over(name)) left.push_back(folder_ + '/' + std::string{name});
        };
        if (files_.list(folder_.c_str(), look) != 0) refuse("list the folder", errno);
        for (const std::string& path : left) files_.remove(path.c_str());
        const std::string probe = folder_ + '/' + std::string{probe_name};
        write_file(probe, Bytes(512), files_);
        if (files_.remove(probe.c_str()) != 0) refuse("remove a file", errno);
    }
    bool is_left_over(std::string_view name) {
        if (!name.starts_with(detail::temporary_begin) || !name.ends_with(detail::temporary_end)) return false;
        std::uint64_t process = 0;
        for (const char c : name.substr(detail::temporary_begin.size())) {
            if (c < '0' || c > '9') break;
            process = process * 10 + static_cast<std::uint64_t>(c - '0');
        }
        return process == files_.process() || !files_.is_running(process);
    }

    std::string folder_;
    CheckpointsOptions options_;
    Files files_;
    std::optional<typename Files::Handle> lock_;
    std::uint64_t owner_ = 0;  // the process that locked the folder
};

using Checkpoints = BasicCheckpoints<>;

}  // namespace tessera
