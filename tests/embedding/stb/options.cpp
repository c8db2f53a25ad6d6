// The host's options do not reach the library's copy, and are unchanged after it.
#define STB_IMAGE_STATIC
#define STBI_NO_PNG
#define STBI_NO_FAILURE_STRINGS
#define STBI_MAX_DIMENSIONS 8
#define STBI_ASSERT(x) host_assert(x)
#define STBI_MALLOC(size) nullptr
#define STBI_REALLOC(block, size) nullptr
#define STBI_FREE(block) host_free(block)
#define STBI_VERSION 7
#define FAST_BITS 3

#include "ours.hpp"

#if !defined(STB_IMAGE_STATIC) || !defined(STBI_NO_PNG) || !defined(STBI_NO_FAILURE_STRINGS) ||                        \
    STBI_MAX_DIMENSIONS != 8 || STBI_VERSION != 7 || FAST_BITS != 3 || defined(STBI_ONLY_JPEG) ||                      \
    defined(STB_IMAGE_IMPLEMENTATION)
#error "an option of the host has changed"
#endif
#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

int main() {
    use_ours();
    expect(std::string{TEXT_OF(STBI_ASSERT(1))} == "host_assert(1)", "STBI_ASSERT is the host's");
    expect(std::string{TEXT_OF(STBI_MALLOC(1))} == "nullptr", "STBI_MALLOC is the host's");
    expect(std::string{TEXT_OF(STBI_FREE(1))} == "host_free(1)", "STBI_FREE is the host's");
}
