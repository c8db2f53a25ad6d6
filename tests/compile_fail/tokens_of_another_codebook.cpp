// expect: (cannot convert|no viable conversion from) .*View<
// expect: gpt\.hpp:.* (initializing argument 1 of|passing argument to parameter)
#include <tessera/data/tokens.hpp>
#include <tessera/gpt/gpt.hpp>

using namespace tessera;

#ifdef FIXED
constexpr std::size_t tokens = 4;
#else
constexpr std::size_t tokens = 5;
#endif
constexpr GptConfig config{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1};

double evaluate(const Gpt<config>& prior, const data::Tokens<tokens>& codes) {
    return prior.logits(codes.view()).batch() == 0;
}
