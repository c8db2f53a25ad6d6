// expect: TokenCodec: the prior must be a Gpt, which codes one token after the other in raster order
// expect: InRasterOrder
#include <tessera/codec/token_codec.hpp>
#include <tessera/gpt/any_order_gpt.hpp>
#include <tessera/gpt/gpt.hpp>

using namespace tessera;

constexpr GptConfig config{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1};
#ifdef FIXED
using Prior = Gpt<config>;
#else
using Prior = AnyOrderGpt<config>;
#endif
std::uint64_t model(const codec::TokenCodec<Prior>& codec) { return codec.model(); }
