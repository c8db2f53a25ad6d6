// expect: (could not|cannot|no viable) conver(t|sion)|no known conversion
// expect: Label
#include <tessera/gpt/gpt_config.hpp>

using namespace tessera;

constexpr GptConfig config{.vocab = 8, .context = 4};
#ifdef FIXED
Token opening() { return config.label_token(Label{3}); }
#else
Token opening() { return config.label_token(3); }
#endif
