// expect: sample: the callback must be callable with a const DrawnToken& and return nothing, or a bool
#include <tessera/gpt/sample.hpp>

using Prior = tessera::Gpt<tessera::GptConfig{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1}>;
std::size_t count(const Prior& prior, tessera::Rng& rng) {
#ifdef FIXED
    const auto drawn = tessera::sample(prior, 1, {}, rng, [](const tessera::DrawnToken&) { return true; });
#else
    const auto drawn = tessera::sample(prior, 1, {}, rng, [](const tessera::DrawnToken&) { return 1; });
#endif
    return drawn.size();
}
