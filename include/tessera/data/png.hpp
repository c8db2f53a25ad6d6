#pragma once
// PNG in and out: decode_png, encode_png, write_png.

// IWYU pragma: begin_exports
#include <tessera/data/decode_png.hpp>
#include <tessera/data/encode_png.hpp>
// IWYU pragma: end_exports
