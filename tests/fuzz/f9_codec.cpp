// F9: any bytes as a file of the codec, whose header names this model and has the right length and checksum if the
// first byte is odd. A file is refused with a FormatError, or decodes to sequences that encode to the same bytes.

#include "target.hpp"

#include <tessera/codec/token_codec.hpp>
#include <tessera/gpt/gpt.hpp>

#include <support/tiny_gpt.hpp>

#include <algorithm>

namespace {
constexpr tessera::GptConfig config{.vocab = 3, .context = 4, .width = 8, .heads = 2, .layers = 1, .classes = 2};
using Prior = tessera::Gpt<config>;
}  // namespace

void fuzz::one(tessera::ByteView input) {
    using namespace tessera;
    static const codec::TokenCodec codec{support::moved_model<Prior>({}, 0.8f)};
    const bool mend = !input.empty() && input[0] % 2 == 1;
    Bytes file(input.begin() + (input.empty() ? 0 : 1), input.end());
    if (mend && file.size() >= codec::codec_header_size)
        file = codec::with_codec_header({.model = codec.model(),
                                         .sequences = little_endian_64(file, 20),
                                         .classes = little_endian_32(file, 28),
                                         .context = little_endian_32(file, 32),
                                         .vocab = little_endian_32(file, 36)},
                                        ByteView{file}.subspan(codec::codec_header_size));
    try {
        const auto tokens = codec.decode(file, "input");
        demand(std::ranges::all_of(tokens.view().span(), [](Token t) { return t < config.vocab; }),
               "tokens are in the vocabulary");
        demand(codec.encode(tokens) == file, "what is decoded encodes to the same file");
    } catch (const FormatError&) {
    }
}
