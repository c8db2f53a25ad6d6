// Compiled once for each part of the table of quantizers, with DIGITS_PART = 0, 1, ...: the first stage and sampling,
// with both presets. The rows of a part share the kernels, which are most of the code.

#include "codec_stage.hpp"
#include "parts.hpp"
#include "vae_stage.hpp"

#include <tessera/core/error.hpp>

#include <optional>
#include <string>
#include <utility>

namespace digits {

namespace {

constexpr std::size_t most_rows = 2;  // 60 s and 1.5 GB of compilation; each further row takes 18 s
static_assert(
    quantizer_count <= most_rows * parts,
    "digits: each part of the table of quantizers holds 2 rows: DIGITS_PARTS of examples/CMakeLists.txt is too small");

/// f.operator()<Q>() for the quantizer of a row of this part and a preset.
template <std::size_t Part, Preset P, class F, std::size_t... I>
auto with_row(std::size_t row, F&& f, std::index_sequence<I...>) {
    std::optional<decltype(f.template operator()<Chosen<Part, P>>())> outcome;
    static_cast<void>(
        ((row == Part + I * parts && (outcome = f.template operator()<Chosen<Part + I * parts, P>>(), true)) || ...));
    if (!outcome) throw tessera::StateError("digits: quantizer " + std::to_string(row) + " is in another part");
    return *std::move(outcome);
}
template <std::size_t Part, Preset P, class F>
auto with_row(std::size_t row, F&& f) {
    constexpr std::size_t rows = (quantizer_count - Part + parts - 1) / parts;
    return with_row<Part, P>(row, f, std::make_index_sequence<rows>{});
}

}  // namespace

template <std::size_t Part>
Outcome train_part(std::size_t row, const Job& job, const Material& material) {
    if (job.preset == Preset::small)
        return with_row<Part, Preset::small>(row, [&]<class Q>() { return train<Preset::small, Q>(job, material); });
    return with_row<Part, Preset::std>(row, [&]<class Q>() { return train<Preset::std, Q>(job, material); });
}
template <std::size_t Part>
Outcome sample_part(std::size_t row, const Job& job, const std::vector<std::string>& class_names) {
    if (job.preset == Preset::small)
        return with_row<Part, Preset::small>(
            row, [&]<class Q>() { return sample_loaded<Preset::small, Q>(job, class_names); });
    return with_row<Part, Preset::std>(row, [&]<class Q>() { return sample_loaded<Preset::std, Q>(job, class_names); });
}
template <std::size_t Part>
Coded encode_part(std::size_t row, const CodecJob& job, const Images& images) {
    if (job.preset == Preset::small)
        return with_row<Part, Preset::small>(row,
                                             [&]<class Q>() { return encode_images<Preset::small, Q>(job, images); });
    return with_row<Part, Preset::std>(row, [&]<class Q>() { return encode_images<Preset::std, Q>(job, images); });
}
template <std::size_t Part>
Picture decode_part(std::size_t row, const CodecJob& job, tessera::ByteView file, const std::string& name) {
    if (job.preset == Preset::small)
        return with_row<Part, Preset::small>(
            row, [&]<class Q>() { return decode_images<Preset::small, Q>(job, file, name); });
    return with_row<Part, Preset::std>(row, [&]<class Q>() { return decode_images<Preset::std, Q>(job, file, name); });
}

template Outcome train_part<DIGITS_PART>(std::size_t, const Job&, const Material&);
template Outcome sample_part<DIGITS_PART>(std::size_t, const Job&, const std::vector<std::string>&);
template Coded encode_part<DIGITS_PART>(std::size_t, const CodecJob&, const Images&);
template Picture decode_part<DIGITS_PART>(std::size_t, const CodecJob&, tessera::ByteView, const std::string&);

}  // namespace digits
