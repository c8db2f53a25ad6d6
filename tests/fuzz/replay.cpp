// replay <folder> [mutations]: runs every file of a corpus through a target, and `mutations` variants of each with
// bytes flipped, cut and repeated, the same ones in every run. This is the fast suite's part of fuzzing, for compilers
// without libFuzzer.

#include "target.hpp"

#include <tessera/core/rng.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
    if (argc < 2) return std::fputs("usage: replay <folder> [mutations]\n", stderr), 2;
    const int mutations = argc > 2 ? std::atoi(argv[2]) : 0;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{argv[1]})
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::ranges::sort(files);
    std::size_t runs = 0;
    for (std::size_t f = 0; f < files.size(); ++f) {
        std::ifstream file{files[f], std::ios::binary};
        const tessera::Bytes bytes{std::istreambuf_iterator<char>{file}, {}};
        fuzz::one(bytes);
        ++runs;
        tessera::Rng rng = tessera::Rng{1}.split(f);
        const auto below = [&](std::size_t n) {
            return rng.below(static_cast<std::uint32_t>(std::max<std::size_t>(n, 1)));
        };
        for (int m = 0; m < mutations; ++m, ++runs) {
            tessera::Bytes variant = bytes;
            for (std::size_t change = 1 + below(4); change > 0 && !variant.empty(); --change) {
                const auto at = variant.begin() + below(variant.size());
                switch (below(5)) {
                case 0:
                    *at = static_cast<unsigned char>(*at ^ 1u << below(8));
                    break;
                case 1:
                    *at = static_cast<unsigned char>(rng.bits());
                    break;
                case 2:
                    variant.erase(at, at + std::min<std::ptrdiff_t>(1 + below(8), variant.end() - at));
                    break;
                case 3:
                    variant.insert(at, 1 + below(8), static_cast<unsigned char>(rng.bits()));
                    break;
                default: {
                    const tessera::Bytes piece(at, at + std::min<std::ptrdiff_t>(1 + below(40), variant.end() - at));
                    variant.insert(variant.begin() + below(variant.size()), piece.begin(), piece.end());
                }
                }
            }
            fuzz::one(variant);
        }
    }
    std::printf("%zu inputs from %zu files\n", runs, files.size());
    return files.empty();
}
