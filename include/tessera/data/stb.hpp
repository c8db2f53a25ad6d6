#pragma once
// The door to stb_image and stb_image_write. Nothing of it is in <tessera/tessera.hpp>: include it (through
// <tessera/data/image.hpp>) in one .cpp of a program. All of stb stays inside that file (static), so a
// program may hold another copy. Only PNG and JPEG are compiled in.

#ifdef STBI_INCLUDE_STB_IMAGE_H
#error "tessera: include <tessera/data/image.hpp> before stb_image.h, or in another .cpp"
#endif
#ifdef INCLUDE_STB_IMAGE_WRITE_H
#error "tessera: include <tessera/data/image.hpp> before stb_image_write.h, or in another .cpp"
#endif

#include <tessera/core/error.hpp>

#include <cstdlib>
#include <new>

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
// A file must never end the host's program; what stb allocated is then lost.
#define STBI_ASSERT(x)                                                                                       \
    ((x) ? void() : throw tessera::FormatError(tessera::FormatCode::image, "stb_image: " #x))
// Zeros: what a damaged file leaves out must be the same on every machine, and nobody's old memory.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(block, size) std::realloc(block, size)
#define STBI_FREE(block) std::free(block)
#include <stb_image.h>
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
// The one thing that it asserts is that memory has not run out.
#define STBIW_ASSERT(x) ((x) ? void() : throw std::bad_alloc())
#include <stb_image_write.h>
#undef STB_IMAGE_WRITE_IMPLEMENTATION
#undef STB_IMAGE_WRITE_STATIC
