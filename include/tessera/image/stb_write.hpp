#pragma once
// The door to stb_image_write: image::stb::stbi_write_png_to_mem. As image/stb.hpp: a copy of our own in every file that
// writes pictures, and nothing of it outside our namespace.

#include <tessera/core/abi.hpp>

// What stb includes, so that its own includes, inside our namespace, add nothing.
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <new>

#include <tessera/image/detail/hide_stb_image_write_macros.hpp>

#define INCLUDE_STB_IMAGE_WRITE_H
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBIWDEF [[maybe_unused]] static
#define STBI_WRITE_NO_STDIO
// The one thing that it asserts is that memory has not run out.
#define STBIW_ASSERT(x) ((x) ? void() : throw std::bad_alloc())

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
namespace tessera::inline TESSERA_ABI::image::stb {

using stbi_write_func = void(void* context, void* data, int size);

#include <stb_image_write.h>

}  // namespace tessera::image::stb
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <tessera/image/detail/restore_stb_image_write_macros.hpp>
