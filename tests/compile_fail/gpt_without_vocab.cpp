// expect: Gpt: vocab, context, width, heads and layers must be set
// expect: UsableGptConfig
#include <tessera/gpt/gpt.hpp>

#ifdef FIXED
constexpr tessera::GptConfig config{.vocab = 256, .context = 49};
#else
constexpr tessera::GptConfig config{.context = 49};
#endif
std::size_t context(const tessera::Gpt<config>& prior) { return prior.context; }
