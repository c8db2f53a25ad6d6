// expect: complete: the callback must be callable with a const DrawnToken& and return nothing, or a bool
#include <tessera/gpt/complete.hpp>

using Prior = tessera::Gpt<tessera::GptConfig{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1}>;
std::size_t count(const Prior& prior, tessera::View<const tessera::Token, tessera::Shape<4>> known, tessera::Rng& rng) {
#ifdef FIXED
    const auto drawn = tessera::complete(prior, known, {}, rng, [](const tessera::DrawnToken&) { return true; });
#else
    const auto drawn = tessera::complete(prior, known, {}, rng, [](const tessera::DrawnToken&) { return 1; });
#endif
    return drawn.size();
}
