// expect: KvCache: a layer of the block cannot take one token at a time: it needs
// expect: CanStep
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/kv_cache.hpp>
#include <tessera/nn/group_norm.hpp>
#include <tessera/nn/silu.hpp>

using namespace tessera;

#ifdef FIXED
using Block = nn::Silu;
#else
using Block = nn::GroupNorm<2>;  // normalises over all tokens
#endif
constexpr GptConfig config{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1};
std::size_t sequences(const KvCache<Gpt<config, Block>>& cache) { return cache.sequences(); }
