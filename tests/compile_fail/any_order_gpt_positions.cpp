// expect: AnyOrderGpt: vocab, context, width, heads and layers must be set
// expect: positions learned, tied false
#include <tessera/gpt/any_order_gpt.hpp>

#ifdef FIXED
constexpr auto positions = tessera::GptPositions::learned;
#else
constexpr auto positions = tessera::GptPositions::rotary;
#endif
constexpr tessera::GptConfig config{.vocab = 256, .context = 49, .width = 128, .heads = 4, .positions = positions};
std::size_t context(const tessera::AnyOrderGpt<config>& prior) { return prior.context; }
