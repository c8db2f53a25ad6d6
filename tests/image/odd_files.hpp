#pragma once
// The files of odd_files.gz, which make_odd_files.py wrote: odd but decodable files with the pixels that Pillow gives,
// and files that must be refused.

#include <tessera/files/file.hpp>
#include <tessera/image/decode_options.hpp>
#include <tessera/image/gzip.hpp>

#include <cstddef>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace samples {

struct OddFile {
    std::string name;
    tessera::Bytes file;
    std::string error;  // a part of the message; empty where the file can be decoded
    std::size_t height = 0, width = 0, channels = 0;
    tessera::Bytes pixels;
    int tolerance = 0;
    tessera::image::DecodeOptions options{};
};

inline std::vector<OddFile> odd_files() {
    using namespace tessera;
    const std::string path = TESSERA_TESTS_DIR "/image/odd_files.gz";
    const Bytes packed = read_file(path, std::uint64_t{1} << 20);
    Bytes all(little_endian_32(packed, packed.size() - 4));  // gzip ends with the length
    image::gunzip(packed, all, path);
    std::vector<OddFile> files;
    std::vector<Bytes> pixels;
    for (std::size_t at = 0; at < all.size();) {
        const auto take = [&](std::size_t size) {
            if (size > all.size() - at) throw std::runtime_error(path + ": ends early");
            at += size;
            return Bytes(all.begin() + static_cast<std::ptrdiff_t>(at - size),
                         all.begin() + static_cast<std::ptrdiff_t>(at));
        };
        std::size_t line = at;
        while (line < all.size() && all[line] != '\n') ++line;
        const Bytes text = take(line - at);
        take(1);
        std::istringstream fields{std::string(text.begin(), text.end())};
        OddFile f;
        std::string source;
        std::size_t size = 0, error = 0, own = 0;
        int shared = 0, red = 0, green = 0, blue = 0;
        fields >> f.name >> source >> size >> error >> own >> shared >> f.height >> f.width >> f.channels >>
            f.tolerance >> f.options.significant_bits >> red >> green >> blue;
        if (!fields) throw std::runtime_error(path + ": not a file of make_odd_files.py");
        f.options.background.reset();
        if (red >= 0)
            f.options.background = image::Rgb{static_cast<unsigned char>(red), static_cast<unsigned char>(green),
                                              static_cast<unsigned char>(blue)};
        f.file = take(size);
        const Bytes message = take(error);
        f.error.assign(message.begin(), message.end());
        if (own > 0) pixels.push_back(take(own));
        if (error == 0) f.pixels = own > 0 ? pixels.back() : pixels.at(static_cast<std::size_t>(shared));
        files.push_back(std::move(f));
    }
    return files;
}

}  // namespace samples
