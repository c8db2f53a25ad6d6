#include <tessera/gpt/gpt_config.hpp>

#include <doctest/doctest.h>

using tessera::GptConfig;

TEST_CASE("GptConfig: labels follow the tokens, and the null class follows the labels") {
    constexpr GptConfig c{.vocab = 256, .context = 49, .classes = 10};
    CHECK(c.label_token(tessera::Label{0}) == 256);
    CHECK(c.label_token(tessera::Label{9}) == 265);
    CHECK(c.null_token() == 266);
    CHECK(c.embeddings() == 267);
    constexpr GptConfig none{.vocab = 5, .context = 3};
    CHECK(none.null_token() == 5);
    CHECK(none.embeddings() == 6);
}
