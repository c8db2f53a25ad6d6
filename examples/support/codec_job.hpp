#pragma once
// CodecJob: the model with which --encode and --decode compress, and what they return.

#include "material.hpp"
#include "options.hpp"
#include "pictures.hpp"

#include <tessera/files/bytes.hpp>

#include <cstddef>
#include <string>

namespace digits {

struct CodecJob {
    std::string model;  ///< path of the file
    Preset preset;
    std::string quantizer;
    std::size_t classes;  ///< with which the prior was trained; 0: none
};

struct Coded {
    tessera::Bytes file;
    double model_bits = 0;  ///< -log2 of the probability of all tokens, and of the labels
};

/// The tokens of images, coded by the prior. Images have no labels here: where the prior has classes, each gets the one
/// under which its tokens are most probable.
Coded encode(const CodecJob& job, const Images& images);
/// `name` of the file is for messages.
Picture decode(const CodecJob& job, tessera::ByteView file, const std::string& name);

}  // namespace digits
