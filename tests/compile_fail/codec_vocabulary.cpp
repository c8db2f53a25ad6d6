// expect: TokenCodec: the vocabulary must have at most 2\^20 tokens
// expect: CodableVocabulary
#include <tessera/codec/token_codec.hpp>
#include <tessera/gpt/gpt.hpp>

using namespace tessera;

#ifdef FIXED
constexpr std::size_t vocab = 1 << 20;
#else
constexpr std::size_t vocab = (1 << 20) + 1;
#endif
using Prior = Gpt<GptConfig{.vocab = vocab, .context = 4, .width = 8, .heads = 2, .layers = 1}>;
std::uint64_t model(const codec::TokenCodec<Prior>& codec) { return codec.model(); }
