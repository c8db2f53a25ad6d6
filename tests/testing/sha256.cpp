#include <support/sha256.hpp>

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <string_view>

namespace {
std::string sha256(std::string_view text) {
    return support::Sha256{}.add_bits(std::span<const char>{text.data(), text.size()}).hex();
}
}  // namespace

TEST_CASE("Sha256: gives the hashes of FIPS 180-4's examples") {
    CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("Sha256: accepts more bytes after hex() was called") {
    support::Sha256 hash;
    const char ab[]{'a', 'b'}, c[]{'c'};
    hash.add_bits(std::span<const char>{ab}).hex();
    CHECK(hash.add_bits(std::span<const char>{c}).hex() == sha256("abc"));
}
