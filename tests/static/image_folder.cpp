// Templates that only tests with the first compiler use: here the second compiler compiles their bodies, too.

#include <tessera/data/image_folder.hpp>

using Gray = tessera::Shape<4, 4, 1>;
template tessera::data::ImageFolder<Gray>
tessera::data::load_image_folder<Gray>(const std::string&, const tessera::data::ImageFolderOptions&);
