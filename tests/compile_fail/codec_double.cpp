// expect: TokenCodec: the prior must be in float, whose bits are the same in every program compiled with FMA
#include <tessera/codec/token_codec.hpp>
#include <tessera/gpt/gpt.hpp>

using namespace tessera;

#ifdef FIXED
using Scalar = float;
#else
using Scalar = double;
#endif
constexpr GptConfig config{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1};
using Prior = Gpt<config, GptBlock<8, 2>, Scalar>;
std::uint64_t model(const codec::TokenCodec<Prior>& codec) { return codec.model(); }
