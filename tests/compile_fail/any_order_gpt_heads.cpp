// expect: AnyOrderGpt: the heads must divide the width
// expect: HeadsDivideGptWidth
#include <tessera/gpt/any_order_gpt.hpp>

#ifdef FIXED
constexpr std::size_t heads = 4;
#else
constexpr std::size_t heads = 5;
#endif
constexpr tessera::GptConfig config{.vocab = 256, .context = 49, .width = 128, .heads = heads};
std::size_t context(const tessera::AnyOrderGpt<config>& prior) { return prior.context; }
