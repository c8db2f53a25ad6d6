#pragma once
// png: decode_png, encode_png and write_png in one include.

// IWYU pragma: begin_exports
#include <tessera/image/decode_png.hpp>
#include <tessera/image/encode_png.hpp>
// IWYU pragma: end_exports
