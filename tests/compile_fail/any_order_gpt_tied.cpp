// expect: AnyOrderGpt: vocab, context, width, heads and layers must be set
// expect: tied false, and a Token must count
#include <tessera/gpt/any_order_gpt.hpp>

#ifdef FIXED
constexpr bool tied = false;
#else
constexpr bool tied = true;
#endif
constexpr tessera::GptConfig config{
    .vocab = 256, .context = 49, .width = 128, .heads = 4, .positions = tessera::GptPositions::rotary, .tied = tied};
std::size_t context(const tessera::AnyOrderGpt<config>& prior) { return prior.context; }
