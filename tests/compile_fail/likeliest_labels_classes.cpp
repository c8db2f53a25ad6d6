// expect: likeliest_labels: the prior has no classes: set GptConfig::classes
// expect: HasClasses
#include <tessera/gpt/gpt.hpp>
#include <tessera/gpt/likeliest_labels.hpp>

using namespace tessera;

#ifdef FIXED
constexpr std::size_t classes = 3;
#else
constexpr std::size_t classes = 0;
#endif
using Prior = Gpt<GptConfig{.vocab = 8, .context = 4, .width = 8, .heads = 2, .layers = 1, .classes = classes}>;
std::vector<Label> labels(const Prior& prior, View<const Token, Shape<4>> sequences) {
    return likeliest_labels(prior.freeze(), sequences);
}
