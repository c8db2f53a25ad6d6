#include <tessera/dist/communicator.hpp>

#include "for_ranks.hpp"

#include <array>
#include <stdexcept>
#include <vector>

using namespace tessera;
using support::run_ranks;
using support::ThreadCommunicator;

namespace {

struct WithoutBroadcast {
    std::size_t rank() const { return 0; }
    std::size_t size() const { return 2; }
    void send(std::span<const std::byte>, std::size_t) {}
    void receive(std::span<std::byte>, std::size_t) {}
};
struct IntRanks : WithoutBroadcast {
    int rank() const { return 0; }
    void broadcast(std::span<std::byte>, std::size_t) {}
};
static_assert(!dist::Communicator<WithoutBroadcast> && !dist::Communicator<IntRanks> && !dist::Communicator<int>);
static_assert(!dist::single_process<WithoutBroadcast>, "its size is no constant");

// What every rank got, where f throws on some of them.
template <class F>
std::vector<std::string> messages(std::size_t size, F f) {
    std::vector<std::string> all(size);
    try {
        run_ranks(size, [&](ThreadCommunicator& c) {
            try {
                f(c);
            } catch (const std::exception& e) {
                all[c.rank()] = e.what();
                throw;
            }
        });
    } catch (const std::exception&) {
    }
    return all;
}

}  // namespace

TEST_CASE("ThreadCommunicator: messages arrive whole and in order, a broadcast from every rank") {
    support::for_ranks(support::contract::messages<ThreadCommunicator>);
}

TEST_CASE("ThreadCommunicator: ranks that do not exist, and the own rank, are refused") {
    support::for_ranks(support::contract::refuses_ranks<ThreadCommunicator>);
}

TEST_CASE("ThreadCommunicator: when one rank throws, all waiting ranks get an error") {
    const auto all = messages(4, [](ThreadCommunicator& c) {
        if (c.rank() == 2) throw std::runtime_error("no memory");
        dist::Message message;
        std::array<double, 3> numbers{};
        for (int again = 0; again < 2; ++again) dist::sum_tree(c, message, numbers);
    });
    CHECK(all == std::vector<std::string>{"rank 2 threw: no memory", "rank 2 threw: no memory", "no memory",
                                          "rank 2 threw: no memory"});
}

TEST_CASE("ThreadCommunicator: no rank waits forever") {
    std::array<std::byte, 8> bytes{};
    SUBCASE("for a rank that waits too") {
        const std::string text = "all ranks that are left wait for one another";
        CHECK(messages(3, [&](ThreadCommunicator& c) {
                  std::array<std::byte, 8> in{};
                  c.receive(in, (c.rank() + 1) % 3);
              }) == std::vector<std::string>(3, text));
        CHECK(messages(2, [&](ThreadCommunicator& c) { c.send(bytes, 1 - c.rank()); }) ==
              std::vector<std::string>(2, text));
    }
    SUBCASE("for a rank that has returned") {
        const auto all = messages(2, [&](ThreadCommunicator& c) {
            if (c.rank() == 1) c.send(bytes, 0);
        });
        CHECK(all == std::vector<std::string>{"", "all ranks that are left wait for one another"});
    }
}

TEST_CASE("ThreadCommunicator: a message of another length is an error on both sides") {
    const auto all = messages(2, [](ThreadCommunicator& c) {
        std::array<std::byte, 8> bytes{};
        if (c.rank() == 0)
            c.send(bytes, 1);
        else
            c.receive(std::span{bytes}.first(5), 0);
    });
    CHECK(all == std::vector<std::string>(2, "rank 1 from rank 0: bytes: expected 5, got 8"));
}
