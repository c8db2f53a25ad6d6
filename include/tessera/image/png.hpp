#pragma once
// PNG in and out: decode_png, encode_png, write_png.

// IWYU pragma: begin_exports
#include <tessera/image/decode_png.hpp>
#include <tessera/image/encode_png.hpp>
// IWYU pragma: end_exports
