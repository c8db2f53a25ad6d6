#pragma once
// stb_write: the only header of the library that includes stb_image_write, as image::stb::stbi_write_png_to_mem.
//
// As in image/stb.hpp, each source file that writes images has its own copy with internal linkage, and nothing of it is
// visible outside our namespace.
//
// Errors   std::bad_alloc where stb_image_write runs out of memory

#include <tessera/core/abi.hpp>

// The headers that stb includes, so that its own includes inside our namespace have no effect.
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cstdlib>
#include <new>

#include <tessera/image/detail/hide_stb_image_write_macros.hpp>

#define INCLUDE_STB_IMAGE_WRITE_H
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBIWDEF [[maybe_unused]] static
#define STBI_WRITE_NO_STDIO
// Its only assertion is that an allocation succeeded.
#define STBIW_ASSERT(x) ((x) ? void() : throw std::bad_alloc())
// In parentheses, without the macros that a host may have for these names: the caller calls (std::free), too.
#define STBIW_MALLOC(size) (std::malloc)(size)
#define STBIW_REALLOC(block, size) (std::realloc)(block, size)
#define STBIW_FREE(block) (std::free)(block)

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wold-style-cast"  // in front of our macros
#endif
namespace tessera::inline TESSERA_ABI::image::stb {

using stbi_write_func = void(void* context, void* data, int size);

#include <stb_image_write.h>

}  // namespace tessera::image::stb
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <tessera/image/detail/restore_stb_image_write_macros.hpp>
