#pragma once
// SystemFiles with a hook before each call that can fail: the base of test doubles that let a call fail, kill the
// process at a call, or count calls.

#include <tessera/files/system_files.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace support {

/// Hook: bool operator()(const char* call) is called before each call; true means that the call fails with the errno
/// that the hook has set. after(const char* call) is called after each call.
template <class Hook>
struct SystemDouble : tessera::SystemFiles {
    Hook* hook;

    explicit SystemDouble(Hook& h) : hook{&h} {}

    Handle open(const char* path) {
        return call<Handle>("open", [&] { return SystemFiles::open(path); });
    }
    Handle create(const char* path, bool is_private) {
        return call<Handle>("create", [&] { return SystemFiles::create(path, is_private); });
    }
    std::int64_t size(Handle h) {
        return call<std::int64_t>("size", [&] { return SystemFiles::size(h); });
    }
    std::int64_t read_link(const char* path, char* to, std::size_t size) {
        return call<std::int64_t>("read_link", [&] { return SystemFiles::read_link(path, to, size); });
    }
    int keep_permissions(Handle h, const char* path) {
        return call<int>("keep_permissions", [&] { return SystemFiles::keep_permissions(h, path); });
    }
    std::int64_t read(Handle h, unsigned char* to, std::size_t count, std::uint64_t offset) {
        return call<std::int64_t>("read", [&] { return SystemFiles::read(h, to, hook->at_most(count), offset); });
    }
    std::int64_t write(Handle h, const unsigned char* from, std::size_t count) {
        return call<std::int64_t>("write", [&] { return SystemFiles::write(h, from, hook->at_most(count)); });
    }
    int reserve(Handle h, std::uint64_t size) {
        return call<int>("reserve", [&] { return SystemFiles::reserve(h, size); });
    }
    int sync(Handle h) {
        return call<int>("sync", [&] { return SystemFiles::sync(h); });
    }
    // A close that fails has closed the descriptor nevertheless.
    int close(Handle h) {
        const bool refused = (*hook)("close");
        const int reason = errno, result = SystemFiles::close(h);
        hook->after("close");
        if (refused) errno = reason;
        return refused ? -1 : result;
    }
    int rename(const char* from, const char* to) {
        return call<int>("rename", [&] { return SystemFiles::rename(from, to); });
    }
    int remove(const char* path) {
        return call<int>("remove", [&] { return SystemFiles::remove(path); });
    }
    int sync_folder(const char* path) {
        return call<int>("sync_folder", [&] { return SystemFiles::sync_folder(path); });
    }
    int make_folder(const char* path) {
        return call<int>("make_folder", [&] { return SystemFiles::make_folder(path); });
    }
    Handle lock_folder(const char* path) {
        return call<Handle>("lock_folder", [&] { return SystemFiles::lock_folder(path); });
    }
    template <class F>
    int list(const char* path, F f) {
        return call<int>("list", [&] { return SystemFiles::list(path, f); });
    }
    int current_folder(std::string& to) {
        return call<int>("current_folder", [&] { return SystemFiles::current_folder(to); });
    }

private:
    template <class Result, class F>
    Result call(const char* name, F f) {
        if ((*hook)(name)) return Result{-1};
        const Result result = f();
        const int reason = errno;
        hook->after(name);
        errno = reason;
        return result;
    }
};

/// Lets call number `fail_at` fail with `reason`; limits reads and writes to `most` bytes; with `interrupted`, every
/// second call fails with EINTR first.
struct Fault {
    int fail_at = -1;
    int reason = EIO;
    std::size_t most = ~std::size_t{0};
    bool interrupted = false;
    int calls = 0;
    bool toggle = false;
    const char* failed = "";

    bool operator()(const char* name) {
        const std::string_view call{name};
        if (interrupted && (call == "read" || call == "write") && (toggle = !toggle)) {
            errno = EINTR;
            return true;
        }
        if (calls++ != fail_at) return false;
        failed = name;
        errno = reason;
        return true;
    }
    void after(const char*) {}
    std::size_t at_most(std::size_t count) const { return count < most ? count : most; }
};
using FaultFiles = SystemDouble<Fault>;

}  // namespace support
