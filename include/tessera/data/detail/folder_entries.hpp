#pragma once
// What is in a folder: names, hidden files, links that lead back.

#include <tessera/core/error.hpp>
#include <tessera/data/left_out.hpp>
#include <tessera/files/file.hpp>
#include <tessera/image/file_type.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data::detail {

inline std::string lower_case(std::string_view text) {
    std::string lower{text};
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

/// ".jpg"; empty for a name without an ending, and for one that is long or not made of letters and digits.
inline std::string ending_of(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || name.size() - dot > 9) return {};
    std::string ending = lower_case(name.substr(dot));
    const bool plain = std::all_of(ending.begin() + 1, ending.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
    return plain ? ending : std::string{};
}

inline bool has_image_name(std::string_view name) {
    const std::string ending = ending_of(name);
    return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

/// What systems and tools leave in folders of other people's files.
inline bool is_hidden(std::string_view name) {
    if (name.starts_with('.')) return true;
    const std::string lower = lower_case(name);
    for (const std::string_view known :
         {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "_macosx", "@eadir", "#recycle", "#snapshot",
          "$recycle.bin", "system volume information", "lost+found", "__pycache__"})
        if (lower == known) return true;
    return false;
}

/// Does this errno concern one file, so that the others can still be read? Too many open files does not.
inline bool concerns_one_file(int reason) {
    for (const int one : {0, EACCES, EPERM, ENOENT, ELOOP, ENOTDIR, EISDIR, ENAMETOOLONG})
        if (reason == one) return true;
    return false;
}

/// The end of a message of the system, after its last colon: "Permission denied".
inline std::string reason_in(std::string_view message) {
    const std::size_t colon = message.rfind(": ");
    return std::string{colon == std::string_view::npos ? message : message.substr(colon + 2)};
}

inline std::string joined(const std::string& folder, const std::string& name) {
    if (folder.empty() || name.empty()) return folder + name;
    return folder.ends_with('/') ? folder + name : folder + '/' + name;
}

/// Folders and files of one folder, sorted by the bytes of their names.
struct FolderEntries {
    std::vector<std::string> folders, files;
    bool readable = true;
};

/// `sub` is the path below `root`; "" for root itself, which must be readable.
inline FolderEntries list_entries(const std::string& root, const std::string& sub, LeftOut& left_out) {
    namespace fs = std::filesystem;
    FolderEntries found;
    std::error_code error;
    fs::directory_iterator entry{fs::path{joined(root, sub)}, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        std::error_code failed;
        const fs::file_status status = entry->status(failed);
        const std::string path = joined(sub, name);
        if (is_hidden(name)) {
            std::error_code closed;
            if (fs::is_directory(status)) std::ignore = fs::directory_iterator{entry->path(), closed};
            if (closed)
                left_out.add(LeftOutReason::unreadable, path, {}, closed.message());
            else
                left_out.add(LeftOutReason::hidden, path);
        } else if (fs::is_directory(status)) {
            found.folders.push_back(name);
        } else if (fs::is_regular_file(status) || (!fs::exists(status) && has_image_name(name))) {
            found.files.push_back(name);  // a link to nothing that is named like an image is a bad image
        } else if (failed || !fs::exists(status)) {
            left_out.add(LeftOutReason::unreadable, path, {},
                         failed ? failed.message() : std::string{"a link to nothing"});
        } else {
            left_out.add(LeftOutReason::special, path);
        }
    }
    if (error) {
        if (sub.empty()) throw IoError("load_image_folder: " + root + ": " + error.message(), root, error.value());
        left_out.add(LeftOutReason::unreadable, sub, {}, error.message());
        found.readable = false;
    }
    std::ranges::sort(found.folders);
    std::ranges::sort(found.files);
    return found;
}

/// Is the file `path` below `root` to be read as a PNG or JPEG? It is if it is named like one or begins like one; any
/// other is counted.
inline bool is_candidate(const std::string& root, const std::string& path, LeftOut& left_out) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (has_image_name(name)) return true;
    try {
        InputFile<> file{joined(root, path)};
        Bytes start(static_cast<std::size_t>((std::min)(file.size(), std::uint64_t{image::file_type_bytes})));
        file.read(0, start);
        const image::FileType type = image::file_type(start);
        if (image::can_decode(type)) return true;
        if (type != image::FileType::unknown)
            left_out.add(LeftOutReason::other_type, path, std::string{image::name_of(type)});
        else
            left_out.add(LeftOutReason::no_image, path, ending_of(name));
    } catch (const IoError& e) {
        if (!concerns_one_file(e.reason())) throw;
        left_out.add(LeftOutReason::unreadable, path, {}, reason_in(e.what()));
    }
    return false;
}

struct Walk {
    std::vector<std::string> images;  ///< paths below the root
    bool readable = true;             ///< false where the folder itself was counted
};

/// The images in `sub` and all folders below it, in the order of torchvision's ImageFolder: by the path of the folder,
/// then by name. `seen` has the folders that must not be read again, because a link leads back to them.
inline Walk walk(const std::string& root, const std::string& sub, std::set<std::string> seen, LeftOut& left_out) {
    namespace fs = std::filesystem;
    Walk result;
    std::vector<std::pair<std::string, std::vector<std::string>>> folders{{sub, {}}};
    for (std::size_t i = 0; i < folders.size(); ++i) {
        const std::string at = folders[i].first;
        std::error_code error;
        const std::string real = fs::canonical(joined(root, at), error).string();
        if (!error && !seen.insert(real).second) {
            left_out.add(LeftOutReason::linked, at);
            result.readable = result.readable && i != 0;
            continue;
        }
        FolderEntries entries = list_entries(root, at, left_out);
        if (i == 0) result.readable = entries.readable;
        for (const std::string& name : entries.folders) folders.push_back({joined(at, name), {}});
        folders[i].second = std::move(entries.files);
    }
    std::ranges::sort(folders);
    for (const auto& [folder, names] : folders)
        for (const std::string& name : names)
            if (std::string path = joined(folder, name); is_candidate(root, path, left_out))
                result.images.push_back(std::move(path));
    return result;
}

}  // namespace tessera::data::detail
