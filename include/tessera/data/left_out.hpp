#pragma once
// LeftOut: the files and folders that a loader left out, counted by reason, each with its first example.
//
//     set.left_out.count()                        all of them
//     set.left_out.count(LeftOutReason::unreadable)
//     set.left_out.text()                         "50 WebP images (a/1.webp), 2 hidden files (.DS_Store)"
//
// A loader that reads three of 73 files has read what it could, and only its caller knows whether three are enough.
// The images of types that are not read are counted by type, other files by the ending of their name.

#include <tessera/core/abi.hpp>
#include <tessera/files/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::data {

enum class LeftOutReason : unsigned char {
    damaged,     ///< begins like a PNG or JPEG, or is named like one, but is no valid image
    too_large,   ///< an image or file beyond the limits of the reader
    other_type,  ///< an image of a type that is not read: WebP, GIF, ...
    no_image,    ///< another file: text, JSON, an archive
    no_class,    ///< a folder of such files only, next to the folders of the classes
    outside,     ///< an image next to the folders of the classes or splits
    unreadable,  ///< the system refuses: permission denied, a link to nothing
    linked,      ///< a folder that has been read already: a link that leads back
    hidden,      ///< .DS_Store, ._1.png, Thumbs.db, __MACOSX
    special,     ///< a pipe, a socket, a device
    surplus,     ///< bytes after the array of an IDX file
    not_chosen,  ///< a file or folder next to the files of a dataset: another spelling, other images
};

class LeftOut {
public:
    struct Group {
        LeftOutReason reason;
        std::string type;  ///< "WebP", ".txt"; empty where the reason says everything
        std::size_t count;
        std::string first;  ///< path of the first one, in the folder that was loaded
        std::string why;    ///< of the first one: "Permission denied"; empty where the reason says everything
    };

    void add(LeftOutReason reason, std::string path, std::string type = {}, std::string why = {}) {
        const bool is_file =
            reason == LeftOutReason::no_image || (reason == LeftOutReason::not_chosen && type != "folder");
        if (is_file && groups_.size() >= most_groups) type.clear();
        for (Group& g : groups_)
            if (g.reason == reason && g.type == type) {
                ++g.count;
                return;
            }
        groups_.push_back({reason, std::move(type), 1, std::move(path), std::move(why)});
    }

    [[nodiscard]] bool empty() const { return groups_.empty(); }
    [[nodiscard]] std::span<const Group> groups() const { return groups_; }
    [[nodiscard]] std::size_t count() const {
        std::size_t all = 0;
        for (const Group& g : groups_) all += g.count;
        return all;
    }
    [[nodiscard]] std::size_t count(LeftOutReason reason) const {
        std::size_t all = 0;
        for (const Group& g : groups_) all += g.reason == reason ? g.count : 0;
        return all;
    }

    /// One line: by reason in the order of LeftOutReason, the most frequent type first. Empty if nothing was left out.
    [[nodiscard]] std::string text() const {
        std::vector<const Group*> order;
        for (const Group& g : groups_) order.push_back(&g);
        std::ranges::sort(order, [](const Group* a, const Group* b) {
            if (a->reason != b->reason) return a->reason < b->reason;
            return a->count != b->count ? a->count > b->count : a < b;  // equals: as they were found
        });
        std::string line;
        for (const Group* g : order) {
            if (!line.empty()) line += ", ";
            line += std::to_string(g->count) + ' ' + what(*g) + " (" + io::printable(g->first);
            if (!g->why.empty()) line += ": " + io::printable(g->why);
            line += ')';
        }
        return line;
    }

private:
    static constexpr std::size_t most_groups = 24;  // a folder may hold files of a thousand endings

    static std::string type_of(const Group& g) { return g.type.empty() ? "" : g.type + ' '; }
    static std::string what(const Group& g) {
        const auto counted = [&](std::string_view one, std::string_view many) {
            return std::string{g.count == 1 ? one : many};
        };
        switch (g.reason) {
        case LeftOutReason::damaged:
            return counted("damaged image", "damaged images");
        case LeftOutReason::too_large:
            return counted("image", "images") + " beyond the limits";
        case LeftOutReason::other_type:
            return g.type + ' ' + counted("image", "images");
        case LeftOutReason::no_image:
            return (g.type.empty() ? "other" : g.type) + ' ' + counted("file", "files");
        case LeftOutReason::no_class:
            return counted("folder", "folders") + " without images";
        case LeftOutReason::outside:
            return counted("image", "images") + " next to the folders that were read";
        case LeftOutReason::unreadable:
            return "unreadable";
        case LeftOutReason::linked:
            return counted("folder", "folders") + " that a link leads back to";
        case LeftOutReason::hidden:
            return "hidden";
        case LeftOutReason::special:
            return "neither file nor folder";
        case LeftOutReason::surplus:
            return counted("file", "files") + " with surplus bytes";
        case LeftOutReason::not_chosen:
            return (g.type == "folder" ? counted("folder", "folders") : type_of(g) + counted("file", "files")) +
                   " next to those that were read";
        }
        return {};
    }

    std::vector<Group> groups_;
};

}  // namespace tessera::data
