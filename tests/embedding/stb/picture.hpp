#pragma once
// What the files of run.sh share. A file defines HERE, a name of its own, before it includes this.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

// PNM: the full stb reads it, the copy of the library does not.
inline constexpr unsigned char pgm[]{'P', '5', ' ', '2', ' ', '1', ' ', '2', '5', '5', '\n', 7, 9};

inline void expect(bool promise, const char* what) {
    if (!promise) {
        std::printf("not kept: %s\n", what);
        std::exit(1);
    }
}
