#include <tessera/dist/message.hpp>

#include "for_ranks.hpp"

#include <support/counting_allocator.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

using namespace tessera;
using dist::Message;

static_assert(dist::Summable<std::vector<float>&> && dist::Summable<std::span<std::int64_t>> && dist::Summable<Empty>);
static_assert(!dist::Summable<std::vector<bool>&> && !dist::Summable<std::vector<std::string>&> &&
              !dist::Summable<float>);

TEST_CASE("Message: what is packed is unpacked, each leaf on a line of 64 bytes") {
    support::Model model, copy;
    for (std::size_t i = 0; i < 5; ++i) model.weights.narrow[i] = static_cast<float>(i);
    model.counts[1] = std::int64_t{1} << 60;
    std::array<double, 3> numbers{1, 2, 3}, copied{};
    std::vector<std::uint8_t> none;
    Message message;
    message.pack(model.weights, none, numbers);
    CHECK(message.bytes().size() == 64 + (3 * 501 * 4 + 63) / 64 * 64 + 64);
    message.unpack(copy.weights, none, copied);
    CHECK(support::hash_bits(copy.weights) == support::hash_bits(model.weights));
    CHECK(copied == numbers);
}

TEST_CASE("Message: fits the sets of each call, and allocates for the largest only") {
    Message message;
    std::vector<float> large(5000), few(3);
    message.pack(large);
    const std::size_t before = support::allocations();
    message.pack(few);
    CHECK(message.bytes().size() == 64);
    message.fit(large);
    CHECK(message.bytes().size() == 5000 * 4 / 64 * 64 + 64);
    CHECK(support::allocations() == before);
}

TEST_CASE("Message: adds floating-point numbers as they are, and integers modulo 2^n") {
    std::array<float, 3> x{1, 0.1f, -2}, y{1e-8f, 0.2f, 2};
    std::array<std::int64_t, 2> i{std::numeric_limits<std::int64_t>::max(), -5}, j{1, 3};
    std::array<std::uint8_t, 1> u{250}, v{10};
    Message message;
    message.pack(y, j, v);
    message.add_to(x, i, u);
    CHECK(x == std::array<float, 3>{1, 0.1f + 0.2f, 0});
    CHECK(i == std::array<std::int64_t, 2>{std::numeric_limits<std::int64_t>::min(), -2});
    CHECK(u[0] == 4);
}
