#include "output.hpp"

#include <tessera/core/error.hpp>
#include <tessera/files/file.hpp>

#include <cstdio>
#include <filesystem>
#include <system_error>

namespace digits {

namespace fs = std::filesystem;

void Output::check(const std::vector<std::string>& names) const {
    if (silent_) return;
    const auto refuse = [&](const std::string& why) -> void {
        throw tessera::IoError("--out: " + folder_ + ": expected a folder that can be written to, " + why);
    };
    std::error_code error;
    // the deepest existing part of the path must be a folder in which files can be created
    fs::path there = fs::absolute(folder_, error).lexically_normal();
    while (!fs::exists(there, error)) {
        if (error) refuse(error.message());
        if (there == there.parent_path()) break;
        there = there.parent_path();
    }
    if (!fs::is_directory(there, error)) refuse(there.string() + " is not a folder");
    for (const std::string& name : names)
        if (const fs::path file = fs::path{folder_} / name;
            fs::exists(file, error) && !fs::is_regular_file(file, error))
            refuse(file.string() + " is in the way");

    // permissions, read-only and full disks: only an attempt to write covers them all
    const std::string probe = (there / ".tessera-probe").string();
    const tessera::Bytes something(4096);
    try {
        tessera::write_file(probe, something);
    } catch (const tessera::IoError& e) {
        const std::string why = e.what();
        refuse("cannot write in " + there.string() + why.substr(why.rfind(": ")));
    }
    std::remove(probe.c_str());
}

std::string Output::path(std::string_view name) const {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw tessera::IoError("--out: " + folder_ + ": " + error.message());
    return (fs::path{folder_} / name).string();
}

void Output::write(std::string_view name, tessera::ByteView bytes) const {
    if (silent_) return;
    tessera::write_file(path(name), bytes);
}
void Output::write(std::string_view name, std::string_view text) const {
    write(name, tessera::ByteView{reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

}  // namespace digits
