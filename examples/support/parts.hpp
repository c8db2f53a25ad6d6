#pragma once
// Parts: the rows of the table of quantizers (quantizers.hpp) whose index modulo DIGITS_PARTS is the same. part.cpp is
// compiled once for each part, because the nets of a row take 18 s.

#include "codec_job.hpp"
#include "job.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace digits {

inline constexpr std::size_t parts = DIGITS_PARTS;

/// For a quantizer of this part: its row in the table and the job.
template <std::size_t Part>
Outcome train_part(std::size_t row, const Job& job, const Material& material);
template <std::size_t Part>
Outcome sample_part(std::size_t row, const Job& job, const std::vector<std::string>& class_names);
template <std::size_t Part>
Coded encode_part(std::size_t row, const CodecJob& job, const Images& images);
template <std::size_t Part>
Picture decode_part(std::size_t row, const CodecJob& job, tessera::ByteView file, const std::string& name);

}  // namespace digits
