#pragma once
// stb: the only header of the library that includes stb_image, as image::stb::stbi_load_from_memory, for JPEG.
//
// Our copy is in our namespace and has internal linkage, and so have all of our functions that call it: each source
// file of a program that reads images has its own copy, and none refers to the copy of another file (which the standard
// forbids for inline functions with external linkage, [basic.def.odr]). The host may use its own stb, included before
// or after ours, in the same or in other files; no macro of stb is changed or left behind.
//
// The part of stb_image.h that declares its interface is skipped: it is extern "C", so its functions would be the
// host's by name, whatever their namespace. What the implementation needs of it is declared here.
//
// Errors   FormatError where an assertion of stb_image fails

#include <tessera/core/error.hpp>

// The headers that stb includes, so that its own includes inside our namespace have no effect.
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

#include <cstdlib>

#include <tessera/image/detail/hide_stb_image_macros.hpp>

#define STBI_INCLUDE_STB_IMAGE_H
#define STB_IMAGE_IMPLEMENTATION
#define STBIDEF [[maybe_unused]] static
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
// ReadLimits decides, not stb. Beyond 2^24 a side stb's arithmetic overflows; its limit of 2^30 bytes remains in force.
#define STBI_MAX_DIMENSIONS (1 << 24)
// A file must never end the host's program; in this case the memory that stb allocated leaks.
#define STBI_ASSERT(x) ((x) ? void() : throw tessera::FormatError(tessera::FormatCode::image, "stb_image: " #x))
// Zero-initialised: pixels that a damaged file leaves out must be the same everywhere, and never old memory contents.
#define STBI_MALLOC(size) (std::calloc)(1, size)
#define STBI_REALLOC(block, size) (std::realloc)(block, size)
#define STBI_FREE(block) (std::free)(block)

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wold-style-cast"  // in stb's arguments to our macros
#endif
namespace tessera::inline TESSERA_ABI::image::stb {

enum { STBI_default = 0, STBI_grey = 1, STBI_grey_alpha = 2, STBI_rgb = 3, STBI_rgb_alpha = 4 };
using stbi_uc = unsigned char;
using stbi_us = unsigned short;
struct stbi_io_callbacks {
    int (*read)(void* user, char* data, int size);
    void (*skip)(void* user, int n);
    int (*eof)(void* user);
};

#include <stb_image.h>

}  // namespace tessera::image::stb
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <tessera/image/detail/restore_stb_image_macros.hpp>
