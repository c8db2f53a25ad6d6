#pragma once
// image: everything in data/ and image/ that needs stb: MNIST, contact sheets, folders of images, PNG and JPEG.
//
// It is not part of <tessera/tessera.hpp>, because it needs stb's headers and costs 0.3 s of compile time in each
// source file. Any number of source files may include it (image/stb.hpp).

// IWYU pragma: begin_exports
#include <tessera/data/contact_sheet.hpp>
#include <tessera/data/image_folder.hpp>
#include <tessera/data/lazy_idx.hpp>
#include <tessera/data/lazy_images.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/image/decode_image.hpp>
#include <tessera/image/decode_jpeg.hpp>
#include <tessera/image/decode_options.hpp>
#include <tessera/image/decode_png.hpp>
#include <tessera/image/encode_png.hpp>
#include <tessera/image/file_type.hpp>
#include <tessera/image/png.hpp>
#include <tessera/image/png_grid.hpp>
// IWYU pragma: end_exports
