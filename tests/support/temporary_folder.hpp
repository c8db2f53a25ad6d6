#pragma once
// A temporary folder for a test, removed at the end.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace support {

class TemporaryFolder {
public:
    TemporaryFolder() {
        const std::filesystem::path base = std::filesystem::temp_directory_path();
        for (int i = 0; path_.empty(); ++i) {
            const auto path = base / ("tessera-test-" + std::to_string(reinterpret_cast<std::size_t>(this)) + '-' +
                                      std::to_string(i));
            if (std::filesystem::create_directory(path)) path_ = path;
        }
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string str() const { return path_.string(); }
    std::string operator/(std::string_view name) const { return (path_ / name).string(); }
    std::size_t entries() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{path_}) count += !entry.path().empty();
        return count;
    }
    std::string write(std::string_view name, std::span<const unsigned char> bytes) const {
        const std::string path = *this / name;
        std::filesystem::create_directories(std::filesystem::path{path}.parent_path());
        std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                                    static_cast<std::streamsize>(bytes.size()));
        return path;
    }

private:
    std::filesystem::path path_;
};

}  // namespace support
