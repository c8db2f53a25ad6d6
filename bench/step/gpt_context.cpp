#include <bench/step/gpt.hpp>

namespace bench {
namespace {

/// The small prior with another context length.
template <std::size_t Tokens>
void add_context(Rows& rows) {
    using Prior =
        ts::Gpt<ts::GptConfig{.vocab = 256, .context = Tokens, .width = 128, .heads = 4, .layers = 4, .classes = 64}>;
    add_training<Prior>(rows, "scale-context/" + std::to_string(Tokens), 32);
}

}  // namespace

void add_gpt_context(Rows& rows) {
    add_context<49>(rows);
    add_context<196>(rows);
    add_context<784>(rows);
}

}  // namespace bench
