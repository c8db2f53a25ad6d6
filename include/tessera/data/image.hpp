#pragma once
// Everything of data that stands behind the stb door: MNIST, contact sheets, folders of images, PNG. Not part
// of <tessera/tessera.hpp>: include it in one .cpp of a program.

// IWYU pragma: begin_exports
#include <tessera/data/contact_sheet.hpp>
#include <tessera/data/decode_image.hpp>
#include <tessera/data/image_folder.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/data/png.hpp>
#include <tessera/data/png_grid.hpp>
// IWYU pragma: end_exports
