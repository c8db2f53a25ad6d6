#pragma once
// The folder of results: checked before training begins, created when the first file is written.

#include <tessera/files/bytes.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace digits {

class Output {
public:
    /// With `silent` nothing is checked or written: another process does it.
    explicit Output(std::string folder, bool silent = false) : folder_{std::move(folder)}, silent_{silent} {}

    /// Throws tessera::IoError if files of these names could not be written. Changes nothing.
    void check(const std::vector<std::string>& names) const;

    /// The path of a file in the folder, which is created if needed.
    std::string path(std::string_view name) const;
    void write(std::string_view name, tessera::ByteView bytes) const;
    void write(std::string_view name, std::string_view text) const;

    const std::string& folder() const { return folder_; }
    bool silent() const { return silent_; }

private:
    std::string folder_;
    bool silent_;
};

}  // namespace digits
