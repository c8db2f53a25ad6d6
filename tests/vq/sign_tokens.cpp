#include <tessera/vq/sign_tokens.hpp>

#include <doctest/doctest.h>
#include <support/message.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

using namespace tessera;

namespace sign_tokens_test {

TEST_CASE("sign_tokens: a bit for each sign, the first channel lowest, and back; absent rows are zero") {
    const std::vector<float> z{1, -2, 3, 0, -0.f, 1e-30f};
    std::vector<Token> tokens(2);
    std::vector<float> q(6), again(6);
    sign_tokens<3, float>(z, tokens, q, 0.5f, "Q", 0);
    CHECK(tokens == std::vector<Token>{5, 4});
    CHECK(q == std::vector<float>{0.5f, -0.5f, 0.5f, -0.5f, -0.5f, 0.5f});
    sign_lookup<3, float>(tokens, again, 0.5f);
    CHECK(again == q);
    tokens[1] = no_token;
    sign_lookup<3, float>(tokens, again, 0.5f);
    CHECK(again == std::vector<float>{0.5f, -0.5f, 0.5f, 0, 0, 0});
}

TEST_CASE("sign_tokens: a denormal number is 0, also where the caller's environment keeps denormals") {
    const std::vector<float> z{1e-40f, 1e-37f};
    std::vector<Token> tokens(1);
    std::vector<float> q(2);
    sign_tokens<2, float>(z, tokens, q, 1, "Q", 0);
    CHECK(tokens[0] == 2);
}

TEST_CASE("sign_tokens: a number that is not finite is a NumericError with its index in the batch") {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        const std::vector<double> z{1, 2, 3, bad};
        std::vector<Token> tokens(2);
        std::vector<double> q(4);
        const auto message = support::message<NumericError>([&] { sign_tokens<2, double>(z, tokens, q, 1, "Q", 10); });
        CHECK(support::contains(message, "Q: encoder output 13: expected a finite number, got "));
    }
}

}  // namespace sign_tokens_test
