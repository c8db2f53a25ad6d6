#pragma once
// CrashDisk: a folder in memory that records all calls in order. From them it makes every state in which a power loss
// may leave a disk (the idea of SQLite's crash tests and of ALICE, Pillai et al., OSDI 2014):
// after any number of calls,
//   - names that were made, moved or removed since the folder was last synced may be there or not, in any combination;
//   - a file that was not synced since it was written may contain everything, what was synced last, half, or zeros.

#include <tessera/files/bytes.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace support {

class CrashDisk {
public:
    enum class Call { create, write, sync, rename, remove, sync_folder, promise };
    struct Record {
        Call call;
        std::size_t file = 0;
        tessera::Bytes bytes{};
        std::string from{}, to{};
        std::uint64_t promised = 0;
    };
    using Names = std::map<std::string, std::size_t>;

    std::vector<Record> log;
    std::vector<tessera::Bytes> files;
    Names names;

    /// A power loss after this call must keep `step`.
    void promise(std::uint64_t step) { log.push_back({.call = Call::promise, .promised = step}); }
    tessera::Bytes& at(const std::string& path) { return files[names.at(path)]; }

    /// f(disk, step): each state after each number of calls, with the last step that was promised (0: none).
    template <class F>
    void for_each_crash(F f) const {
        for (std::size_t calls = 0; calls <= log.size(); ++calls) crash_after(calls, f);
    }

private:
    template <class F>
    void crash_after(std::size_t calls, F f) const {
        struct File {
            tessera::Bytes now, synced;
            bool dirty = false;
        };
        std::vector<File> state;
        Names durable;
        std::vector<const Record*> pending;
        std::uint64_t promised = 0;
        for (std::size_t i = 0; i < calls; ++i) {
            const Record& r = log[i];
            if (state.size() <= r.file) state.resize(r.file + 1);
            File& file = state[r.file];
            if (r.call == Call::write) {
                file.now.insert(file.now.end(), r.bytes.begin(), r.bytes.end());
                file.dirty = true;
            } else if (r.call == Call::sync) {
                file.synced = file.now;
                file.dirty = false;
            } else if (r.call == Call::sync_folder) {
                for (const Record* p : pending) apply(*p, durable);
                pending.clear();
            } else if (r.call == Call::promise) {
                promised = r.promised;
            } else {
                pending.push_back(&r);
            }
        }
        for (std::size_t kept = 0; kept < std::size_t{1} << pending.size(); ++kept)
            for (int fate = 0; fate < 4; ++fate) {
                CrashDisk disk;
                disk.names = durable;
                for (std::size_t i = 0; i < pending.size(); ++i)
                    if (kept >> i & 1) apply(*pending[i], disk.names);
                bool any_dirty = false;
                for (const File& file : state) {
                    disk.files.push_back(file.now);
                    any_dirty = any_dirty || file.dirty;
                    if (!file.dirty || fate == 0) continue;
                    tessera::Bytes& left = disk.files.back();
                    if (fate == 1) left = file.synced;
                    if (fate == 2) left.resize(left.size() / 2);
                    if (fate == 3) left.assign(left.size(), 0);
                }
                f(disk, promised);
                if (!any_dirty) break;
            }
    }
    static void apply(const Record& r, Names& names) {
        if (r.call == Call::remove || r.call == Call::rename) names.erase(r.from);
        if (r.call == Call::create || r.call == Call::rename) names[r.to] = r.file;
    }
};

/// The system calls of the library, on a CrashDisk.
struct CrashFiles {
    using Handle = int;
    CrashDisk* disk;

    static bool is_open(Handle h) { return h >= 0; }
    Handle open(const char* path) {
        const auto found = disk->names.find(path);
        if (found != disk->names.end()) return static_cast<Handle>(found->second);
        errno = ENOENT;
        return -1;
    }
    Handle create(const char* path, bool) {
        if (disk->names.contains(path)) {
            errno = EEXIST;
            return -1;
        }
        const std::size_t file = disk->files.size();
        disk->files.emplace_back();
        disk->names[path] = file;
        disk->log.push_back({.call = CrashDisk::Call::create, .file = file, .to = path});
        return static_cast<Handle>(file);
    }
    std::int64_t size(Handle h) { return static_cast<std::int64_t>(file(h).size()); }
    bool is_replaceable(const char*) { return true; }
    bool exists(const char* path) { return disk->names.contains(path); }
    std::int64_t read_link(const char*, char*, std::size_t) {
        errno = EINVAL;  // no links
        return -1;
    }
    int keep_permissions(Handle, const char*) { return 0; }
    std::int64_t read(Handle h, unsigned char* to, std::size_t count, std::uint64_t offset) {
        if (offset >= file(h).size()) return 0;
        const std::size_t got = std::min<std::size_t>(count, file(h).size() - static_cast<std::size_t>(offset));
        std::memcpy(to, file(h).data() + offset, got);
        return static_cast<std::int64_t>(got);
    }
    std::int64_t write(Handle h, const unsigned char* from, std::size_t count) {
        file(h).insert(file(h).end(), from, from + count);
        disk->log.push_back(
            {.call = CrashDisk::Call::write, .file = static_cast<std::size_t>(h), .bytes = {from, from + count}});
        return static_cast<std::int64_t>(count);
    }
    int reserve(Handle, std::uint64_t) { return 0; }
    int sync(Handle h) {
        disk->log.push_back({.call = CrashDisk::Call::sync, .file = static_cast<std::size_t>(h)});
        return 0;
    }
    int close(Handle) { return 0; }
    int rename(const char* from, const char* to) {
        const std::size_t moved = disk->names.at(from);
        disk->names.erase(from);
        disk->names[to] = moved;
        disk->log.push_back({.call = CrashDisk::Call::rename, .file = moved, .from = from, .to = to});
        return 0;
    }
    int remove(const char* path) {
        if (disk->names.erase(path) == 0) {
            errno = ENOENT;
            return -1;
        }
        disk->log.push_back({.call = CrashDisk::Call::remove, .from = path});
        return 0;
    }
    int sync_folder(const char*) {
        disk->log.push_back({.call = CrashDisk::Call::sync_folder});
        return 0;
    }
    int make_folder(const char*) { return 0; }
    Handle lock_folder(const char*) { return 0; }
    template <class F>
    int list(const char* path, F f) {
        const std::string folder = std::string{path} + '/';
        for (const auto& [name, file] : CrashDisk::Names{disk->names})
            if (name.starts_with(folder)) f(name.c_str() + folder.size());
        return 0;
    }
    static bool is_absolute(const char*) { return true; }
    int current_folder(std::string&) { return -1; }
    std::uint64_t process() { return 1; }
    bool is_running(std::uint64_t) { return false; }

private:
    tessera::Bytes& file(Handle h) { return disk->files[static_cast<std::size_t>(h)]; }
};

}  // namespace support
