// expect: tokens, labels and the null class fit 32 bits
// expect: UsableGptConfig
#include <tessera/gpt/gpt.hpp>

#ifdef FIXED
constexpr tessera::GptConfig config{.vocab = 4294967283, .context = 49, .classes = 10};
#else
constexpr tessera::GptConfig config{.vocab = 4294967284, .context = 49, .classes = 10};
#endif
std::size_t context(const tessera::Gpt<config>& prior) { return prior.context; }
