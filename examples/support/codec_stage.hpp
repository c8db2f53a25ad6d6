#pragma once
// The first stage of --encode and --decode, for one preset and one quantizer: images to tokens, tokens to images.

#include "codec_job.hpp"
#include "nets.hpp"
#include "prior_codec.hpp"

#include <tessera/codec/model_hash.hpp>
#include <tessera/data/tokens.hpp>
#include <tessera/io/weights.hpp>

#include <string>
#include <vector>

namespace digits {

namespace ts = tessera;

template <class Vae>
Vae load_vae(const std::string& path) {
    ts::Rng unused{0};
    Vae vae{unused};
    ts::io::load(path, {.accept = {ts::io::everything}}, vae);  // options of training do not matter here
    return vae;
}

template <Preset P, class Q>
Coded encode_images(const CodecJob& job, const Images& images) {
    using Vae = VaeOf<P, Q>;
    const Vae vae = load_vae<Vae>(job.model);
    const auto tokens = vae.encode(images);
    const auto all = tokens.view().span();
    return encode_tokens<P>({Vae::codes, Vae::tokens}, job, ts::codec::model_hash(vae), {all.begin(), all.end()});
}

template <Preset P, class Q>
Picture decode_images(const CodecJob& job, ts::ByteView file, const std::string& name) {
    using Vae = VaeOf<P, Q>;
    const Vae vae = load_vae<Vae>(job.model);
    return vae.decode(ts::data::Tokens<Vae::tokens>{
        decode_tokens<P>({Vae::codes, Vae::tokens}, job, ts::codec::model_hash(vae), file, name)});
}

}  // namespace digits
