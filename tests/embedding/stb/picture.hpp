#pragma once
// Shared by the files of run.sh. Each file defines HERE, a unique name, before it includes this.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

// PNM: the full stb reads it, the library's copy does not.
inline constexpr unsigned char pgm[]{'P', '5', ' ', '2', ' ', '1', ' ', '2', '5', '5', '\n', 7, 9};

inline void expect(bool promise, const char* what) {
    if (!promise) {
        std::printf("not kept: %s\n", what);
        std::exit(1);
    }
}
