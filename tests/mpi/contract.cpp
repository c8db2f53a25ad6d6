// mpirun -np <n> contract [large]: the contract of every communicator, between processes. The library initialises MPI.

#include <tessera/dist/mpi.hpp>

#include <support/communicator_contract.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

using namespace tessera;

namespace {

// A buffer that is too short for a message, and one that is too long.
std::string lengths(dist::Mpi& mpi) {
    std::vector<std::byte> bytes(8);
    for (const std::size_t expected : {5u, 10u}) {
        if (mpi.rank() == 0) mpi.send(bytes, 1);
        if (mpi.rank() != 1) continue;
        std::vector<std::byte> in(expected);
        const std::string text = support::message<CommunicationError>([&] { mpi.receive(in, 0); });
        const bool right = expected == 5 ? text.starts_with("dist::Mpi: receive from rank 0: ") && text.size() > 40
                                         : text == "dist::Mpi: receive from rank 0: bytes: expected 10, got 8";
        if (!right) return "a message of 8 bytes for " + std::to_string(expected) + ": " + text;
    }
    return {};
}

// More bytes than an int counts.
std::string large(dist::Mpi& mpi) {
    constexpr std::size_t size = (std::size_t{1} << 31) + 3;
    std::vector<std::byte> bytes(size, static_cast<std::byte>(mpi.rank() + 1));
    if (mpi.rank() == 0) {
        bytes[size - 1] = std::byte{9};
        mpi.send(bytes, 1);
    } else {
        mpi.receive(bytes, 0);
        if (bytes[0] != std::byte{1} || bytes[size - 2] != std::byte{1} || bytes[size - 1] != std::byte{9})
            return "send";
        bytes[size - 1] = std::byte{8};
    }
    mpi.broadcast(bytes, 1);
    return bytes[size - 1] == std::byte{8} && bytes[size / 2] == std::byte{1} ? "" : "broadcast";
}

}  // namespace

int main(int argc, char** argv) {
    dist::Mpi mpi;
    const auto tell = [](const std::string& message) { std::fprintf(stderr, "%s\n", message.c_str()); };
    return mpi.run(
        [&] {
            std::string wrong =
                argc > 1 && std::string_view{argv[1]} == "large" ? large(mpi) : support::contract::all(mpi);
            if (wrong.empty() && mpi.size() > 1) wrong = lengths(mpi);
            if (!wrong.empty()) throw Error(wrong);
            std::printf("rank %zu of %zu: all is right\n", mpi.rank(), mpi.size());
            return 0;
        },
        tell);
}
