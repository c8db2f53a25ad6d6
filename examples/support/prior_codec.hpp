#pragma once
// The second stage of --encode and --decode, as the first one calls it: tokens to bytes, bytes to tokens. Compiled
// with the priors of a preset: priors_small.cpp, priors_std.cpp.

#include "codec_job.hpp"
#include "prior.hpp"

#include <tessera/core/token.hpp>
#include <tessera/files/bytes.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace digits {

/// `first_stage` is the hash of the model that has made the tokens.
template <Preset P>
Coded encode_tokens(PriorSize size, const CodecJob& job, std::uint64_t first_stage, std::vector<tessera::Token> tokens);
template <Preset P>
std::vector<tessera::Token> decode_tokens(PriorSize size, const CodecJob& job, std::uint64_t first_stage,
                                          tessera::ByteView file, const std::string& name);

}  // namespace digits
