#pragma once
// The table of quantizers, the choices of --quantizer: the help text, the parser, training, sampling and the metadata
// of model files come from it. To add a quantizer, add a row.
//
// Each row is compiled into a part of the program with few others (CMakeLists.txt). quantizer_names.hpp gives names and
// help texts without the types.

#include "options.hpp"

#include <tessera/core/shape.hpp>
#include <tessera/vq/codebook.hpp>
#include <tessera/vq/fsq.hpp>
#include <tessera/vq/lfq.hpp>
#include <tessera/vq/policy/diveq.hpp>
#include <tessera/vq/policy/gradient.hpp>
#include <tessera/vq/policy/rotation_trick.hpp>
#include <tessera/vq/residual_vq.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace digits {

/// A quantizer, and the width of the encoder's output that it takes.
template <std::size_t Width, class Spec>
struct Of {
    static constexpr std::size_t width = Width;
    using Quantizer = Spec;
    /// Bound to the encoder's output, which has Side x Side positions.
    template <std::size_t Side = 7>
    using Bound = typename Spec::template Bind<tessera::Shape<Side, Side, Width>, float>;
};

/// Small and Std: the quantizer `Of` each preset.
template <class Small, class Std = Small>
struct Row {
    const char* name;
    const char* help;

    template <Preset P>
    using For = std::conditional_t<P == Preset::small, Small, Std>;
};

// Vocabularies of 256 (small) and 512 (std) share the prior, which saves 6 to 9 s of compilation. DIGITS_CODEBOOK_ONLY
// leaves the first row: a test that compiles the program a second time, for several processes, needs no more.
inline constexpr std::tuple quantizer_table{
    Row<Of<32, tessera::Codebook<256>>, Of<64, tessera::Codebook<512>>>{
        "codebook", "vectors learned together with the nets; a small vocabulary that fits the images well and is "
                    "quickly learned by the prior"},
#ifndef DIGITS_CODEBOOK_ONLY
    Row<Of<4, tessera::Fsq<8, 5, 5, 5>>>{
        "fsq", "finite scalar quantization, 4 numbers rounded to 8, 5, 5 and 5 levels; a fixed vocabulary of 1000 with "
               "either preset, and no codebook to collapse"},
    Row<Of<4, tessera::FsqWith<tessera::FsqBound::symmetric, 4, 4, 4, 4>>,
        Of<3, tessera::FsqWith<tessera::FsqBound::symmetric, 8, 8, 8>>>{
        "fsq-symmetric", "the same with levels symmetric about 0: 4 numbers of 4 levels, a vocabulary of 256; std 3 of "
                         "8, 512"},
    Row<Of<32, tessera::Codebook<256, tessera::vq::RotationTrick>>,
        Of<64, tessera::Codebook<512, tessera::vq::RotationTrick>>>{
        "rotation",
        "codebook with the rotation trick: the gradient of a vector turns with it on its way to the encoder"},
    Row<Of<32, tessera::Codebook<256, tessera::vq::Gradient, tessera::vq::DiVeQ>>,
        Of<64, tessera::Codebook<512, tessera::vq::Gradient, tessera::vq::DiVeQ>>>{
        "diveq", "codebook whose vectors learn from the decoder, through the length of the quantization error: 0.4 "
                 "to 1.1 dB ahead of codebook with the same vocabulary, with tokens that are harder to predict"},
    Row<Of<8, tessera::Lfq<8>>, Of<9, tessera::Lfq<9>>>{
        "lfq",
        "lookup-free quantization, the signs of 8 numbers, std 9: a token is a string of bits, without a codebook "
        "and without a search"},
    Row<Of<32, tessera::ResidualVq<tessera::Codebook<16>, 2>>, Of<64, tessera::ResidualVq<tessera::Codebook<32>, 2>>>{
        "residual", "two small codebooks, of 16 vectors each, std 32: the second quantizes what the first leaves; two "
                    "tokens for each position, so the prior reads twice as many"},
#endif
};
inline constexpr std::size_t quantizer_count = std::tuple_size_v<decltype(quantizer_table)>;

/// The quantizer of a row with a preset: Chosen<0, Preset::std>.
template <std::size_t Index, Preset P>
using Chosen = typename std::tuple_element_t<Index, std::remove_const_t<decltype(quantizer_table)>>::template For<P>;

}  // namespace digits
